// Any Verilated model, signal by signal: a table of names and addresses, so that Python reads and writes them.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated_fst_c.h"
#include "verilated_syms.h"

namespace {

struct Entry {
    std::string name;  // scope and name, as Verilator knows them
    void* data;
    uint32_t bits;
    uint32_t direction;  // VLVD_IN, VLVD_OUT, or neither
};

class Model {
  public:
    Model() : top_{&context_} {
        context_.traceEverOn(true);
        top_.eval();
        for (const auto& [scope_name, scope] : *context_.scopeNameMap()) {
            if (!scope->varsp()) continue;
            for (const auto& [name, var] : *scope->varsp()) {
                if (var.udims() == 0 && !var.isParam()) {
                    entries.push_back({std::string{scope_name} + "." + name, var.datap(), var.entBits(),
                                       static_cast<uint32_t>(var.vldir())});
                }
            }
        }
    }

    ~Model() { stop_trace(); }

    void eval() {
        top_.eval();
        if (trace_) trace_->dump(time_);
    }

    void advance(uint64_t time) { time_ += time; }

    void start_trace(const char* path) {
        stop_trace();
        trace_ = std::make_unique<VerilatedFstC>();
        top_.trace(trace_.get(), 99);
        trace_->open(path);
    }

    void stop_trace() {
        if (trace_) trace_->close();
        trace_.reset();
    }

    std::vector<Entry> entries;

  private:
    VerilatedContext context_;
    Vtop top_;
    std::unique_ptr<VerilatedFstC> trace_;
    uint64_t time_ = 0;
};

}  // namespace

double sc_time_stamp() { return 0; }

#define API extern "C" __attribute__((visibility("default")))

API Model* sim_new() { return new Model; }
API void sim_free(Model* model) { delete model; }
API void sim_eval(Model* model) { model->eval(); }
API void sim_advance(Model* model, uint64_t time) { model->advance(time); }
API void sim_trace(Model* model, const char* path) { model->start_trace(path); }
API void sim_trace_end(Model* model) { model->stop_trace(); }
API uint64_t sim_count(const Model* model) { return model->entries.size(); }
API const char* sim_name(const Model* model, uint64_t n) { return model->entries[n].name.c_str(); }
API void* sim_data(const Model* model, uint64_t n) { return model->entries[n].data; }
API uint32_t sim_bits(const Model* model, uint64_t n) { return model->entries[n].bits; }
API uint32_t sim_direction(const Model* model, uint64_t n) { return model->entries[n].direction; }
