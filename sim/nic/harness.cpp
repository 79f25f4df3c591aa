// The virtual NIC: the Verilated model between a MAC and a host that deal in whole frames and records.
//
// The model's flip-flops act on both edges of clk, and its inputs are registered (see `shell.py`), so a cycle is one
// edge and one evaluation. Cycle n begins with that edge: the component takes what its inputs were in cycle n - 1, the
// registers before them take those of cycle n, and what is sampled then is what the hardware shows in cycle n.
#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <string>

#include "wire.hpp"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

namespace {

constexpr int kRecordBytes = 64;
constexpr uint64_t kPeriod = 8;  // time units of a waveform in one cycle
using Record = std::array<uint8_t, kRecordBytes>;

enum Stop : uint32_t { kNever = 0, kTx = 1, kRecord = 2 };
enum Reason : uint32_t { kCycle = 0, kQuiet = 3 };

class Nic {
  public:
    Nic() : model_{&context_}, pins_{model_} { pins_.clk() = 0; }

    ~Nic() { stop_trace(); }

    // Runs up to cycle `until`; earlier where an event of `stop` has happened, or where nothing is queued or
    // leaving and nothing went up for `quiet` cycles (0: never mind). Returns why it stopped.
    uint32_t run(uint64_t until, uint32_t stop, uint64_t quiet) {
        active_ = cycle_;
        while (cycle_ < until) {
            const uint32_t happened = step() & stop;
            if (happened) return happened;
            if (quiet && cycle_ - active_ >= quiet && down_.empty() && !tx.busy()) return kQuiet;
        }
        return kCycle;
    }

    bool start_trace(const char* path) {
#if VM_TRACE_FST
        stop_trace();
        context_.traceEverOn(true);
        trace_ = std::make_unique<VerilatedFstC>();
        model_.trace(trace_.get(), 99);
        trace_->open(path);
        return trace_->isOpen();
#else
        (void)path;
        return false;
#endif
    }

    void stop_trace() {
#if VM_TRACE_FST
        if (trace_) trace_->close();
        trace_.reset();
#endif
    }

    uint64_t cycle() const { return cycle_; }
    void set_host_period(uint64_t period) { host_period_ = period; }
    void post(const uint8_t* records, uint64_t count) {
        for (uint64_t n = 0; n < count; ++n) {
            down_.emplace_back();
            std::memcpy(down_.back().data(), records + n * kRecordBytes, kRecordBytes);
        }
    }
    uint64_t pending() const { return down_.size(); }

    std::array<RxPort, ports::kRx> rx;
    TxPort tx;
    std::vector<Record> up;
    std::vector<uint64_t> up_cycles;

  private:
    uint32_t step() {
        for (int n = 0; n < ports::kRx; ++n) {
            if (rx[n].busy()) active_ = cycle_;
            rx[n].drive(cycle_, pins_.rx_payload(n), pins_.rx_valid(n));
        }
        const bool tx_ready = tx.ready(cycle_);
        const bool up_ready = host_period_ && (host_period_ == 1 || cycle_ % host_period_ == 0);
        pins_.tx_ready() = tx_ready;
        pins_.host_o_ready() = up_ready;
        drive_down();
        if (cycle_) pins_.clk() ^= 1;  // cycle 0 has the initial state: the input registers start as the inputs are
        model_.eval();
        dump();

        uint32_t happened = kNever;
        if (tx_ready && pins_.tx_valid()) happened |= take_frame();
        if (up_ready && pins_.host_o_valid()) happened |= take_record();
        if (pins_.host_i_valid() && pins_.host_i_ready()) down_taken();
        ++cycle_;
        return happened;
    }

    void drive_down() {
        if (shown_) return;
        shown_ = !down_.empty();
        pins_.host_i_valid() = shown_;
        if (shown_) std::memcpy(&pins_.host_i_payload()[0], down_.front().data(), kRecordBytes);
    }

    void down_taken() {
        down_.pop_front();
        shown_ = false;
        active_ = cycle_;
    }

    uint32_t take_frame() {
        const size_t before = tx.frames.size();
        tx.take(cycle_, pins_.tx_payload());
        active_ = cycle_;
        return tx.frames.size() > before ? kTx : kNever;
    }

    uint32_t take_record() {
        up.emplace_back();
        std::memcpy(up.back().data(), &pins_.host_o_payload()[0], kRecordBytes);
        up_cycles.push_back(cycle_);
        active_ = cycle_;
        return kRecord;
    }

    void dump() {
#if VM_TRACE_FST
        if (trace_) trace_->dump(cycle_ * kPeriod);
#endif
    }

    VerilatedContext context_;
    Vtop model_;
    ports::Pins pins_;
    std::deque<Record> down_;
    bool shown_ = false;  // the front of down_ is on the port
    uint64_t cycle_ = 0, active_ = 0, host_period_ = 1;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> trace_;
#endif
};

}  // namespace

double sc_time_stamp() { return 0; }

#define API extern "C" __attribute__((visibility("default")))

API Nic* nic_new() { return new Nic; }
API void nic_free(Nic* nic) { delete nic; }
API uint64_t nic_cycle(const Nic* nic) { return nic->cycle(); }
API uint32_t nic_run(Nic* nic, uint64_t until, uint32_t stop, uint64_t quiet) { return nic->run(until, stop, quiet); }
API int nic_trace(Nic* nic, const char* path) { return nic->start_trace(path); }
API void nic_trace_end(Nic* nic) { nic->stop_trace(); }

// Frame n is data[offsets[n]] to data[offsets[n + 1] - 1].
API void nic_send(Nic* nic, uint32_t port, const uint8_t* data, const uint64_t* offsets, uint64_t count,
                  const uint64_t* at, const uint8_t* error) {
    for (uint64_t n = 0; n < count; ++n) {
        const uint32_t length = static_cast<uint32_t>(offsets[n + 1] - offsets[n]);
        nic->rx[port].queue(data + offsets[n], length, at[n], error[n]);
    }
}

API void nic_set_rx_gap(Nic* nic, uint64_t cycles) {
    for (RxPort& port : nic->rx) port.set_gap(cycles);
}
API void nic_set_tx_gap(Nic* nic, uint64_t cycles) { nic->tx.set_gap(cycles); }
API void nic_set_tx_period(Nic* nic, uint64_t cycles) { nic->tx.set_period(cycles); }
API void nic_set_host_period(Nic* nic, uint64_t cycles) { nic->set_host_period(cycles); }

API void nic_post(Nic* nic, const uint8_t* records, uint64_t count) { nic->post(records, count); }
API uint64_t nic_pending(const Nic* nic) { return nic->pending(); }

// The take_* functions move what has gathered to the caller's buffers, which hold what the counts said.
API uint64_t nic_played_count(const Nic* nic, uint32_t port) { return nic->rx[port].played.size(); }
API void nic_played_take(Nic* nic, uint32_t port, Span* to) {
    std::vector<Span>& from = nic->rx[port].played;
    if (!from.empty()) std::memcpy(to, from.data(), from.size() * sizeof(Span));
    from.clear();
}

API uint64_t nic_up_count(const Nic* nic) { return nic->up.size(); }
API void nic_up_take(Nic* nic, uint8_t* records, uint64_t* cycles) {
    if (!nic->up.empty()) {
        std::memcpy(records, nic->up.data(), nic->up.size() * kRecordBytes);
        std::memcpy(cycles, nic->up_cycles.data(), nic->up_cycles.size() * sizeof(uint64_t));
    }
    nic->up.clear();
    nic->up_cycles.clear();
}

API uint64_t nic_tx_count(const Nic* nic) { return nic->tx.frames.size(); }
API uint64_t nic_tx_bytes(const Nic* nic) {
    uint64_t bytes = 0;
    for (const TxFrame& frame : nic->tx.frames) bytes += frame.length;
    return bytes;
}
API void nic_tx_take(Nic* nic, TxFrame* frames, uint8_t* bytes) {
    const uint64_t complete = nic_tx_bytes(nic);
    TxPort& tx = nic->tx;
    if (!tx.frames.empty()) std::memcpy(frames, tx.frames.data(), tx.frames.size() * sizeof(TxFrame));
    if (complete) std::memcpy(bytes, tx.bytes.data(), complete);
    tx.bytes.erase(tx.bytes.begin(), tx.bytes.begin() + static_cast<std::ptrdiff_t>(complete));
    tx.frames.clear();
}
