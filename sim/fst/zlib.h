// The two zlib functions that Verilator's FST writer needs, so that waveforms need no development package.
// Format: RFC 1950 around RFC 1951 stored blocks: valid zlib data that is not made smaller (the writer keeps
// the smaller of both forms, and signal values go through LZ4).
#pragma once

#include <cstdint>
#include <cstring>

using Bytef = unsigned char;
using uLong = unsigned long;
using uLongf = uLong;
constexpr int Z_OK = 0;
constexpr int Z_BUF_ERROR = -5;

namespace tickgate_zlib {
constexpr uLong kBlock = 65535;  // longest stored block
}

inline uLong compressBound(uLong size) { return 2 + size + 5 * (size / tickgate_zlib::kBlock + 1) + 4; }

inline int compress2(Bytef* out, uLongf* out_size, const Bytef* in, uLong size, int /* level */) {
    if (*out_size < compressBound(size)) return Z_BUF_ERROR;
    Bytef* const start = out;
    *out++ = 0x78;  // deflate, 32 KiB window
    *out++ = 0x01;  // check bits, fastest level
    uint32_t a = 1, b = 0;  // Adler-32
    uLong left = size;
    do {
        const uLong block = left < tickgate_zlib::kBlock ? left : tickgate_zlib::kBlock;
        left -= block;
        *out++ = left ? 0 : 1;  // stored, last
        *out++ = static_cast<Bytef>(block);
        *out++ = static_cast<Bytef>(block >> 8);
        *out++ = static_cast<Bytef>(~block);
        *out++ = static_cast<Bytef>(~block >> 8);
        std::memcpy(out, in, block);
        for (uLong n = 0; n < block; ++n) {
            a = (a + in[n]) % 65521;
            b = (b + a) % 65521;
        }
        out += block;
        in += block;
    } while (left);
    for (uint32_t shift = 0; shift < 32; shift += 8) *out++ = static_cast<Bytef>((b << 16 | a) >> (24 - shift));
    *out_size = static_cast<uLongf>(out - start);
    return Z_OK;
}
