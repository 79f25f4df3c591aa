// The MAC's side of the NIC: frames in with wire timing, frames out with exact cycles.
#pragma once

#include <cstdint>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include "ports.hpp"

// One beat of `hdl.streams.beat`: data, keep, last and error from bit 0 up.
template <typename Payload>
struct BeatCodec {
    static constexpr int kBits = 8 * ports::kLanes;
    static constexpr int kKeep = kBits, kLast = kBits + ports::kLanes, kError = kLast + 1;

    static void put(Payload& to, const uint8_t* from, int count, bool last, bool error) {
        uint64_t data = 0;
        for (int n = 0; n < count; ++n) data |= static_cast<uint64_t>(from[n]) << 8 * n;
        const uint32_t flags = ((1u << count) - 1) | static_cast<uint32_t>(last) << ports::kLanes |
                               static_cast<uint32_t>(error) << (ports::kLanes + 1);
        if constexpr (std::is_integral_v<Payload>) {
            to = static_cast<Payload>(data | static_cast<uint64_t>(flags) << kBits);
        } else {
            to[0] = static_cast<uint32_t>(data);
            to[1] = static_cast<uint32_t>(data >> 32);
            to[2] = flags;
        }
    }

    static uint64_t data(const Payload& from) {
        if constexpr (std::is_integral_v<Payload>) {
            return from & ((uint64_t{1} << kBits) - 1);
        } else {
            return from[0] | static_cast<uint64_t>(from[1]) << 32;
        }
    }

    static uint32_t flags(const Payload& from) {
        if constexpr (std::is_integral_v<Payload>) {
            return static_cast<uint32_t>(from >> kBits);
        } else {
            return from[2];
        }
    }
};

struct Span {
    uint64_t start, end;  // cycles of the first and the last beat
};

// One receive port: frames wait in a queue and are played one beat a cycle, never held back.
class RxPort {
  public:
    void queue(const uint8_t* data, uint32_t length, uint64_t at, bool error) {
        waiting_.push_back({at, bytes_.size(), length, error});
        bytes_.insert(bytes_.end(), data, data + length);
    }

    bool busy() const { return !waiting_.empty(); }
    void set_gap(uint64_t cycles) { gap_ = cycles; }

    // Drives the port for the cycle `now`.
    template <typename Payload>
    void drive(uint64_t now, Payload& payload, CData& valid) {
        if (waiting_.empty()) {
            valid = 0;
            return;
        }
        const Frame& frame = waiting_.front();
        if (position_ == 0 && now < (frame.at > free_ ? frame.at : free_)) {
            valid = 0;
            return;
        }
        if (position_ == 0) start_ = now;
        const uint32_t left = frame.length - position_;
        const bool last = left <= ports::kLanes;
        const uint32_t count = last ? left : ports::kLanes;
        BeatCodec<Payload>::put(payload, &bytes_[frame.offset + position_], count, last, last && frame.error);
        valid = 1;
        position_ += count;
        if (last) finish(now);
    }

    std::vector<Span> played;  // frames already on the wire, in order

  private:
    struct Frame {
        uint64_t at;
        size_t offset;
        uint32_t length;
        bool error;
    };

    void finish(uint64_t now) {
        played.push_back({start_, now});
        free_ = now + 1 + gap_;
        position_ = 0;
        waiting_.pop_front();
        if (waiting_.empty()) bytes_.clear();
    }

    std::deque<Frame> waiting_;
    std::vector<uint8_t> bytes_;
    uint64_t gap_ = 0, free_ = 0, start_ = 0;
    uint32_t position_ = 0;
};

// A frame sent, its bytes in TxPort::bytes.
struct TxFrame {
    uint64_t start, end;  // cycles in which its first and last beat were taken
    uint64_t length;
    uint64_t poisoned;
};

// The transmit port: takes one beat a cycle, and none for `gap` cycles after a frame (FCS, gap, preamble).
class TxPort {
  public:
    bool ready(uint64_t now) const { return now >= free_ && (period_ == 1 || now % period_ == 0); }
    bool busy() const { return length_ != 0; }
    void set_gap(uint64_t cycles) { gap_ = cycles; }
    void set_period(uint64_t cycles) { period_ = cycles; }

    template <typename Payload>
    void take(uint64_t now, const Payload& payload) {
        using Codec = BeatCodec<Payload>;
        if (length_ == 0) start_ = now;
        const uint64_t data = Codec::data(payload);
        const uint32_t flags = Codec::flags(payload);
        for (int n = 0; n < ports::kLanes; ++n) {
            if (flags >> n & 1) bytes.push_back(static_cast<uint8_t>(data >> 8 * n));
            length_ += flags >> n & 1;
        }
        if (!(flags >> ports::kLanes & 1)) return;
        frames.push_back({start_, now, length_, flags >> (ports::kLanes + 1) & 1});
        length_ = 0;
        free_ = now + 1 + gap_;
    }

    std::vector<TxFrame> frames;  // complete frames
    std::vector<uint8_t> bytes;   // of complete frames, then of the one leaving

  private:
    uint64_t gap_ = 0, free_ = 0, start_ = 0, length_ = 0, period_ = 1;
};
