#include "writers/gzip.h"

#include <algorithm>
#include <array>
#include <new>
#include <zlib.h>

namespace unpaired {

std::string gzipped(std::string_view data)
{
    constexpr int gzip_header = 16; // added to the window's size, as zlib.h has it
    z_stream stream = {};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzip_header, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string packed;
    std::array<Bytef, 1 << 16> buffer;
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (stream.avail_in == 0 && !data.empty()) {
            const size_t piece = std::min<size_t>(data.size(), 1U << 30); // avail_in has 32 bits
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): zlib does not write there
            stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
            stream.avail_in = static_cast<uInt>(piece);
            data.remove_prefix(piece);
        }
        stream.next_out = buffer.data();
        stream.avail_out = buffer.size();
        state = deflate(&stream, data.empty() ? Z_FINISH : Z_NO_FLUSH);
        packed.append(reinterpret_cast<const char *>(buffer.data()), buffer.size() - stream.avail_out);
    }
    deflateEnd(&stream);
    return packed;
}

} // namespace unpaired
