#include "writers/sarif_locations.h"

#include "writers/selection.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

SarifJson artifact(const std::string &file, const SourceRoot &root)
{
    if (const std::string below = root.below(file); !below.empty())
        return {{"uri", percent_encoded(below)}, {"uriBaseId", SourceRoot::id}};
    if (file.starts_with('/'))
        return {{"uri", "file://" + percent_encoded(file)}};
    return {{"uri", percent_encoded(file)}};
}

} // namespace

SourceRoot::SourceRoot(const std::string &folder)
    : folder_(std::filesystem::path(folder).lexically_normal().string())
{
    while (folder_.ends_with('/'))
        folder_.pop_back();
}

const std::string &SourceRoot::below(const std::string &file) const
{
    const auto [known, added] = below_.try_emplace(file);
    if (added)
        known->second = find_below(file);
    return known->second;
}

std::string SourceRoot::find_below(const std::string &file) const
{
    const std::string normal = std::filesystem::path(file).lexically_normal().string();
    if (file.empty() || normal == ".")
        return {};
    if (!normal.starts_with('/'))
        return normal.starts_with("../") ? std::string() : normal;
    if (folder_.empty() || !normal.starts_with(folder_ + "/"))
        return {};
    return normal.substr(folder_.size() + 1);
}

std::string SourceRoot::uri() const
{
    return folder_.empty() ? std::string() : "file://" + percent_encoded(folder_) + "/";
}

std::string percent_encoded(std::string_view path)
{
    std::string out;
    for (char c : path)
        if (unreserved.find(c) != std::string_view::npos)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

SarifJson sarif_location(const Frame &frame, const SourceRoot &root, const std::string &message)
{
    SarifJson json = SarifJson::object();
    SarifJson &physical = json["physicalLocation"] = SarifJson::object();
    if (!frame.file.empty()) {
        physical["artifactLocation"] = artifact(frame.file, root);
        if (frame.line > 0)
            physical["region"] = {{"startLine", frame.line}};
    } else if (!frame.module.empty()) {
        physical["artifactLocation"] = artifact(frame.module, root);
    }
    if (frame.address != 0)
        physical["address"] = {{"absoluteAddress", frame.address}};
    if (physical.empty())
        json.erase("physicalLocation");
    if (!frame.function.empty())
        json["logicalLocations"] =
            SarifJson::array({{{"fullyQualifiedName", frame.function}, {"kind", "function"}}});
    if (!message.empty())
        json["message"] = {{"text", message}};
    return json;
}

SarifJson sarif_stack(const Stack &stack, const SourceRoot &root, const std::string &message)
{
    SarifJson frames = SarifJson::array();
    for (const Frame &frame : stack) {
        SarifJson json = {{"location", sarif_location(frame, root, frame_name(frame))}};
        if (!frame.module.empty())
            json["module"] = frame.module;
        frames.push_back(std::move(json));
    }
    return {{"message", {{"text", message}}}, {"frames", std::move(frames)}};
}

Frame shown_frame(const Finding &finding, const SourceRoot &root)
{
    const auto is_ours = [&](const Frame &frame) { return !root.below(frame.file).empty(); };
    const auto has_file = [](const Frame &frame) { return !frame.file.empty(); };
    if (is_ours(finding.blame))
        return finding.blame;
    const Stack &stack = finding.stack;
    const auto blamed = std::find_if(stack.begin(), stack.end(), [&](const Frame &frame) {
        return frame.address == finding.blame.address && frame.function == finding.blame.function;
    });
    if (const auto outwards = std::find_if(blamed, stack.end(), is_ours); outwards != stack.end())
        return *outwards;
    if (const auto innermost = std::find_if(stack.begin(), stack.end(), is_ours); innermost != stack.end())
        return *innermost;
    if (has_file(finding.blame))
        return finding.blame;
    const auto any = std::find_if(stack.begin(), stack.end(), has_file);
    return any == stack.end() ? finding.blame : *any;
}

} // namespace unpaired
