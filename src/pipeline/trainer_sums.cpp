#include "trainer_sums.hpp"

#include <utility>

#include "workers/launcher.hpp"
#include "workers/sums_trainer.hpp"

namespace ratiofarm {
namespace {

class TrainerSums final : public SumsDevice {
public:
    TrainerSums(RunContext& context, const RunPlace& place)
        : trainer_(context.launcher, place.placement, place.device, context.rank_log),
          threads_(place.threads()) {}

    std::uint32_t begin(const DeviceLayout& layout) override {
        HoldEventsRequest request;
        request.list = next_list_++;
        request.n_processes = layout.n_processes;
        request.n_parameters = layout.n_parameters;
        request.process = layout.process;
        request.parameter = layout.parameter;
        request.yields = layout.yields;
        request.relative_floor = layout.relative_floor;
        request.smallest_floor = layout.smallest_floor;
        trainer_.ask(request);
        return request.list;
    }

    void append(std::uint32_t list, DeviceEvents events) override {
        HoldEventsRequest request;
        request.list = list;
        request.weight = std::move(events.weight);
        request.reference = std::move(events.reference);
        request.ratio = std::move(events.ratio);
        request.log_g = std::move(events.log_g);
        trainer_.ask(request);
    }

    void forget(std::uint32_t list) override { trainer_.ask(ForgetEventsRequest{list}); }

    std::vector<double> sums(std::uint32_t list, const DevicePoint& point) override {
        return trainer_.ask(
            SumEventsRequest{list, threads_, point.in_double, point.rates, point.columns});
    }

private:
    SumsTrainer trainer_;
    std::uint32_t threads_ = 1;
    std::uint32_t next_list_ = 0;
};

}  // namespace

std::shared_ptr<SumsDevice> trainer_sums(RunContext& context, const RunPlace& place) {
    return std::make_shared<TrainerSums>(context, place);
}

}  // namespace ratiofarm
