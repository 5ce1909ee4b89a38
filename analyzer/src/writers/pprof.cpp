// Numbers of fields are those of github.com/google/pprof/proto/profile.proto. Names are indices into the string
// table, whose first one is empty.
#include "writers/pprof.h"

#include "rules.h"
#include "writers/gzip.h"
#include "writers/selection.h"
#include "writers/text_words.h"
#include "writers/utf8.h"

#include <fmt/format.h>
#include <map>
#include <protozero/pbf_builder.hpp>
#include <tuple>
#include <unordered_map>

namespace unpaired {
namespace {

namespace field {
enum class Profile : protozero::pbf_tag_type {
    sample_type = 1,
    sample = 2,
    mapping = 3,
    location = 4,
    function = 5,
    string_table = 6,
    duration_nanos = 10,
    comment = 13,
    default_sample_type = 14
};
enum class ValueType : protozero::pbf_tag_type { type = 1, unit = 2 };
enum class Sample : protozero::pbf_tag_type { location_id = 1, value = 2, label = 3 };
enum class Label : protozero::pbf_tag_type { key = 1, str = 2, num = 3 };
enum class Mapping : protozero::pbf_tag_type {
    id = 1,
    memory_start = 2,
    memory_limit = 3,
    filename = 5,
    build_id = 6,
    has_functions = 7,
    has_filenames = 8,
    has_line_numbers = 9,
    has_inline_frames = 10
};
enum class Location : protozero::pbf_tag_type { id = 1, mapping_id = 2, address = 3, line = 4 };
enum class Line : protozero::pbf_tag_type { function_id = 1, line = 2 };
enum class Function : protozero::pbf_tag_type { id = 1, name = 2, system_name = 3, filename = 4 };
} // namespace field

template <class Fields> using Builder = protozero::pbf_builder<Fields>;

/// What is in a profile once and referred to by number.
template <class Key> class Numbered {
public:
    /// The number of `key`, from `first` up in the order in which they came.
    uint64_t number(const Key &key)
    {
        const auto [at, fresh] = numbers_.try_emplace(key, first_ + numbers_.size());
        if (fresh)
            keys_.push_back(&at->first);
        return at->second;
    }
    explicit Numbered(uint64_t first) : first_(first) {}
    uint64_t first() const { return first_; }
    const std::vector<const Key *> &keys() const { return keys_; }

private:
    uint64_t first_;
    std::map<Key, uint64_t> numbers_;
    std::vector<const Key *> keys_;
};

using FunctionKey = std::tuple<std::string, std::string>;                    // name, file
using LineKey = std::tuple<uint64_t, int>;                                   // function, line
using MappingKey = std::tuple<std::string, std::string, uint64_t, uint64_t>; // file, build-id, from, to
using LocationKey =
    std::tuple<uint64_t, uint64_t, std::vector<LineKey>>; // mapping, address, inlined lines first

class ProfileWriter {
public:
    explicit ProfileWriter(const Report &report) : names_(report)
    {
        strings_.number({});
        // readers take the first mapping for the program
        for (const ImageReport &image : report.images)
            for (const ImageModule &module : image.modules)
                if (module.path == image.trace.program)
                    mappings_.number({module.path, module.build_id, module.start, module.end});
    }

    void add(const ImageReport &image, const Finding &finding)
    {
        if (image_ != &image) {
            image_ = &image;
            met_.clear();
        }
        std::vector<uint64_t> locations = {
            locations_.number({0, 0, {{functions_.number({function_text(finding.function), {}}), 0}}})};
        for (size_t i = 0; i < finding.stack.size();)
            locations.push_back(location(image, finding.stack, i));
        const std::vector<int64_t> values = {static_cast<int64_t>(finding.count),
                                             static_cast<int64_t>(finding.bytes)};
        std::string message;
        Builder<field::Sample> sample(message);
        sample.add_packed_uint64(field::Sample::location_id, locations.begin(), locations.end());
        sample.add_packed_int64(field::Sample::value, values.begin(), values.end());
        label(sample, "program", names_.of(image));
        label(sample, "pid", image.trace.pid);
        label(sample, "family", finding.family);
        label(sample, "owner", finding.owner);
        label(sample, "rule", finding.rule);
        label(sample, "severity", severity_name(finding.severity));
        label(sample, "finding", finding.id);
        profile_.add_message(field::Profile::sample, message);
        bytes_ += finding.bytes;
    }

    /// The whole profile. Nothing may be added after it.
    std::string finish(const Report &report)
    {
        sample_type("unpaired_objects", "count");
        sample_type("unpaired_space", "bytes");
        profile_.add_int64(field::Profile::default_sample_type,
                           string(bytes_ > 0 ? "unpaired_space" : "unpaired_objects"));
        double duration = 0;
        for (const ImageReport &image : report.images) {
            duration = std::max(duration, image.trace.duration_s);
            if (!image.trace.command.empty())
                profile_.add_int64(field::Profile::comment, string(joined(image.trace.command, " ")));
        }
        profile_.add_int64(field::Profile::duration_nanos,
                           static_cast<int64_t>(std::clamp(duration, 0.0, 9e9) * 1e9));
        write_locations();
        write_functions();
        write_mappings();
        for (const std::string *text : strings_.keys())
            profile_.add_string(field::Profile::string_table, *text);
        return data_;
    }

private:
    /// A location, found by its frames, which the stacks of an image share.
    struct Met {
        uint64_t number = 0;
        std::vector<const Frame *> frames;

        bool fits(const Stack &stack, size_t from) const
        {
            if (frames.size() > stack.size() - from)
                return false;
            for (size_t i = 0; i < frames.size(); i++)
                if (frames[i] != &stack[from + i])
                    return false;
            return true;
        }
    };

    /// What the frames of a mapping have.
    struct Known {
        bool functions = true, files = false, lines = false, inlined = false;
    };

    int64_t string(std::string_view text)
    {
        return static_cast<int64_t>(strings_.number(printable_utf8(text)));
    }

    void sample_type(std::string_view type, std::string_view unit)
    {
        Builder<field::ValueType> message(profile_, field::Profile::sample_type);
        message.add_int64(field::ValueType::type, string(type));
        message.add_int64(field::ValueType::unit, string(unit));
    }

    void label(Builder<field::Sample> &sample, std::string_view key, std::string_view value)
    {
        if (value.empty())
            return;
        Builder<field::Label> message(sample, field::Sample::label);
        message.add_int64(field::Label::key, string(key));
        message.add_int64(field::Label::str, string(value));
    }

    void label(Builder<field::Sample> &sample, std::string_view key, int value)
    {
        if (value == 0)
            return;
        Builder<field::Label> message(sample, field::Sample::label);
        message.add_int64(field::Label::key, string(key));
        message.add_int64(field::Label::num, value);
    }

    /// The number of the file that a frame's code was mapped from; 0 if that is not known.
    uint64_t mapping(const ImageReport &image, const Frame &frame)
    {
        if (frame.module.empty())
            return 0;
        MappingKey key{frame.module, {}, 0, 0};
        for (const ImageModule &module : image.modules)
            if (module.path == frame.module && frame.address > module.start && frame.address <= module.end)
                key = {module.path, module.build_id, module.start, module.end};
        const uint64_t number = mappings_.number(key);
        Known &known = known_[number];
        known.functions = known.functions && !frame.function.empty();
        known.files = known.files || !frame.file.empty();
        known.lines = known.lines || frame.line > 0;
        known.inlined = known.inlined || frame.inlined;
        return number;
    }

    /// The location of the code at stack[i], with all that was inlined there; moves `i` behind it.
    uint64_t location(const ImageReport &image, const Stack &stack, size_t &i)
    {
        if (const auto met = met_.find(&stack[i]); met != met_.end() && met->second.fits(stack, i)) {
            i += met->second.frames.size();
            return met->second.number;
        }
        const size_t begin = i;
        const Frame &innermost = stack[i];
        const uint64_t in = mapping(image, innermost);
        std::vector<LineKey> lines;
        bool more = true;
        while (more && i < stack.size() && stack[i].address == innermost.address) {
            const Frame &frame = stack[i++];
            mapping(image, frame);
            lines.emplace_back(functions_.number({frame_name(frame), frame.file}), frame.line);
            more = frame.inlined; // the call it was inlined into follows
        }
        Met met{locations_.number({in, innermost.address, std::move(lines)}), {}};
        for (size_t at = begin; at < i; at++)
            met.frames.push_back(&stack[at]);
        return met_.insert_or_assign(&innermost, std::move(met)).first->second.number;
    }

    void write_locations()
    {
        uint64_t id = locations_.first();
        for (const LocationKey *key : locations_.keys()) {
            const auto &[in, address, lines] = *key;
            Builder<field::Location> message(profile_, field::Profile::location);
            message.add_uint64(field::Location::id, id++);
            if (in != 0)
                message.add_uint64(field::Location::mapping_id, in);
            if (address != 0)
                message.add_uint64(field::Location::address, address);
            for (const auto &[function, number] : lines) {
                Builder<field::Line> line(message, field::Location::line);
                line.add_uint64(field::Line::function_id, function);
                if (number > 0)
                    line.add_int64(field::Line::line, number);
            }
        }
    }

    void write_functions()
    {
        uint64_t id = functions_.first();
        for (const FunctionKey *key : functions_.keys()) {
            const auto &[name, file] = *key;
            Builder<field::Function> message(profile_, field::Profile::function);
            message.add_uint64(field::Function::id, id++);
            message.add_int64(field::Function::name, string(name));
            message.add_int64(field::Function::system_name, string(name));
            message.add_int64(field::Function::filename, string(file));
        }
    }

    void write_mappings()
    {
        uint64_t id = mappings_.first();
        for (const MappingKey *key : mappings_.keys()) {
            const auto &[path, build_id, start, end] = *key;
            const Known &known = known_[id];
            Builder<field::Mapping> message(profile_, field::Profile::mapping);
            message.add_uint64(field::Mapping::id, id++);
            message.add_uint64(field::Mapping::memory_start, start);
            message.add_uint64(field::Mapping::memory_limit, end);
            message.add_int64(field::Mapping::filename, string(path));
            message.add_int64(field::Mapping::build_id, string(build_id));
            message.add_bool(field::Mapping::has_functions, known.functions);
            message.add_bool(field::Mapping::has_filenames, known.files);
            message.add_bool(field::Mapping::has_line_numbers, known.lines);
            message.add_bool(field::Mapping::has_inline_frames, known.inlined);
        }
    }

    const ImageNames names_;
    const ImageReport *image_ = nullptr; // the image with the locations in `met_`
    std::unordered_map<const Frame *, Met> met_;
    std::string data_;
    Builder<field::Profile> profile_{data_};
    Numbered<std::string> strings_{0};
    Numbered<FunctionKey> functions_{1};
    Numbered<MappingKey> mappings_{1};
    Numbered<LocationKey> locations_{1};
    std::map<uint64_t, Known> known_; ///< by number of mapping
    uint64_t bytes_ = 0;
};

} // namespace

void write_pprof(std::ostream &out, const Report &report, const WriteOptions &options)
{
    ProfileWriter profile(report);
    for (const auto &[image, finding] : unpaired_findings(report, options.all))
        profile.add(*image, *finding);
    const std::string packed = gzipped(profile.finish(report));
    out.write(packed.data(), static_cast<std::streamsize>(packed.size()));
}

} // namespace unpaired
