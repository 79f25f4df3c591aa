// The two LZ4 functions that Verilator's FST writer needs, so that waveforms need no development package.
// Format: LZ4 Block Format Description (2022-07-31), lz4/doc. A plain greedy matcher: one hash table, no
// back-tracking; about as fast as the library, a little larger in output.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

namespace tickgate_lz4 {

constexpr int kMinMatch = 4;      // shortest match
constexpr int kTailLiterals = 5;  // the last 5 bytes are literals
constexpr int kMatchLimit = 12;   // no match starts in the last 12 bytes
constexpr int kHashBits = 14;
constexpr uint32_t kMaxOffset = 65535;

inline uint32_t load(const uint8_t* p) {
    uint32_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

// The part of a length beyond the 15 that a token's nibble holds.
inline uint8_t* put_length(uint8_t* out, uint32_t rest) {
    for (; rest >= 255; rest -= 255) *out++ = 255;
    *out++ = static_cast<uint8_t>(rest);
    return out;
}

// One sequence: `literals` bytes as they are, then a match; `match` 0 writes the closing literals alone.
inline uint8_t* put_sequence(uint8_t* out, const uint8_t* from, uint32_t literals, uint32_t match, uint32_t offset) {
    const uint32_t extra = match ? match - kMinMatch : 0;
    *out++ = static_cast<uint8_t>((literals < 15 ? literals : 15) << 4 | (extra < 15 ? extra : 15));
    if (literals >= 15) out = put_length(out, literals - 15);
    std::memcpy(out, from, literals);
    out += literals;
    if (!match) return out;
    *out++ = static_cast<uint8_t>(offset);
    *out++ = static_cast<uint8_t>(offset >> 8);
    return extra >= 15 ? put_length(out, extra - 15) : out;
}

}  // namespace tickgate_lz4

// Compresses `size` bytes; returns the bytes written, or 0 where `capacity` is below LZ4_compressBound(size).
inline int LZ4_compress_default(const char* source, char* target, int size, int capacity) {
    using namespace tickgate_lz4;
    if (capacity < LZ4_compressBound(size)) return 0;
    const uint8_t* const in = reinterpret_cast<const uint8_t*>(source);
    uint8_t* out = reinterpret_cast<uint8_t*>(target);
    std::vector<int32_t> seen(1 << kHashBits, -1);
    int anchor = 0;
    for (int at = 0; at + kMatchLimit < size;) {
        const uint32_t word = load(in + at);
        int32_t& slot = seen[word * 2654435761u >> (32 - kHashBits)];
        const int32_t before = slot;
        slot = at;
        if (before < 0 || static_cast<uint32_t>(at - before) > kMaxOffset || load(in + before) != word) {
            ++at;
            continue;
        }
        int length = kMinMatch;
        while (at + length < size - kTailLiterals && in[before + length] == in[at + length]) ++length;
        out = put_sequence(out, in + anchor, at - anchor, length, at - before);
        at += length;
        anchor = at;
    }
    out = put_sequence(out, in + anchor, size - anchor, 0, 0);
    return static_cast<int>(out - reinterpret_cast<uint8_t*>(target));
}
