#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_selection.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"

namespace ratiofarm {

SampleBlocks::SampleBlocks(const std::filesystem::path& file, const SampleToRead& sample) {
    const h5::File opened = open_table(file, events_kind);
    Problems problems(file.string());
    const auto layout = read_event_layout(opened, sample, problems);
    problems.throw_if_any();
    RATIOFARM_EXPECT(layout.has_value());
    columns_ = layout->columns;
    events_ = layout->events();
    reader_ = std::make_unique<EventBlockReader>(opened, *layout);
}

SampleBlocks::~SampleBlocks() = default;
SampleBlocks::SampleBlocks(SampleBlocks&&) noexcept = default;
SampleBlocks& SampleBlocks::operator=(SampleBlocks&&) noexcept = default;

std::uint64_t SampleBlocks::blocks() const { return reader_->blocks(); }

EventBlock SampleBlocks::read(std::uint64_t block) const { return reader_->read(block); }

}  // namespace ratiofarm
