// Places in SARIF: frames as locations, paths as URIs.
#pragma once

#include "report.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace unpaired {

using SarifJson = nlohmann::ordered_json;

/// What paths of sources are relative to.
class SourceRoot {
public:
    static constexpr const char *id = "SRCROOT"; ///< SARIF's uriBaseId

    /// `folder` is absolute, or "" for none.
    explicit SourceRoot(const std::string &folder);

    /// The path of `file` below the folder, "" if it is not below it. A relative path is below it unless it climbs
    /// out.
    const std::string &below(const std::string &file) const;

    /// "file:///.../", "" without a folder.
    std::string uri() const;

private:
    std::string find_below(const std::string &file) const;

    std::string folder_;                                         ///< normal, without a slash at its end
    mutable std::unordered_map<std::string, std::string> below_; ///< answers: a program's files are few
};

/// Every byte of a path that RFC 3986 does not leave as it is, percent-encoded; slashes stay.
std::string percent_encoded(std::string_view path);

/// A SARIF `location` for a frame: file and line, or the address; and the function. `message` may be empty.
SarifJson sarif_location(const Frame &frame, const SourceRoot &root, const std::string &message);

/// A SARIF `stack`, innermost frame first as in the report.
SarifJson sarif_stack(const Stack &stack, const SourceRoot &root, const std::string &message);

/// The frame whose place a result is shown at: the blamed one if its source is below `root`, else the next one
/// outwards that is, else the innermost that is, else the blamed one; at last any frame with a file. Code scanning
/// shows no result without a file, and annotates those of the repository.
Frame shown_frame(const Finding &finding, const SourceRoot &root);

} // namespace unpaired
