#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"
#include "event_selection.hpp"

namespace ratiofarm {

struct SampleBlocks::Open {
    h5::File file;
    EventBlockReader reader;
};

SampleBlocks::SampleBlocks(const std::filesystem::path& file, const SampleToRead& sample) {
    h5::File opened = open_table(file, events_kind);
    Problems problems(file.string());
    const auto layout = read_event_layout(opened, sample, problems);
    problems.throw_if_any();
    RATIOFARM_EXPECT(layout.has_value());
    columns_ = layout->columns;
    events_ = layout->events();
    EventBlockReader reader(opened, *layout);
    open_ = std::make_unique<Open>(Open{std::move(opened), std::move(reader)});
}

SampleBlocks::~SampleBlocks() = default;
SampleBlocks::SampleBlocks(SampleBlocks&&) noexcept = default;
SampleBlocks& SampleBlocks::operator=(SampleBlocks&&) noexcept = default;

std::uint64_t SampleBlocks::blocks() const { return open_->reader.blocks(); }

EventBlock SampleBlocks::read(std::uint64_t block) const { return open_->reader.read(block); }

}  // namespace ratiofarm
