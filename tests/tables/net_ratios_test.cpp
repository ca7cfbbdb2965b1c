#include <algorithm>
#include <cmath>
#include <fstream>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"
#include "tables/ratios/ratio_writer.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// What a net gives for an event: any function that tells ensembles and nets apart.
float value_of(const RatioBlockKey& key, std::uint64_t net, std::uint64_t id) {
    const auto kind = static_cast<double>(key.kind);
    return static_cast<float>(0.1 * std::sin(0.001 * static_cast<double>(id) + 3.0 * kind +
                                             0.7 * static_cast<double>(key.column) +
                                             0.05 * static_cast<double>(net)));
}

float spread_of(const RatioBlockKey& key, std::uint64_t id) {
    return std::abs(value_of(key, 40, id));
}

std::vector<std::uint64_t> selected_ids(const RatioSetInput& set, Range rows) {
    const MappedSample sample(set.sample);
    std::vector<std::uint64_t> ids;
    for (std::uint64_t row = rows.first; row < std::min(rows.last, sample.events()); ++row) {
        const std::uint64_t id = sample.id()[row];
        if (split_part(id, set.split) == SplitPart::inference) ids.push_back(id);
    }
    return ids;
}

/// S with 501, B with 200003 events; two shapes, replicas of both processes, members of B alone.
class Example {
public:
    Example() : comm(mpi::Communicator::world()), folder(comm) {
        if (comm.is_root()) {
            const std::vector<EventSample> samples{test::example_sample("S", 501),
                                                   test::example_sample("B", 200003, 1000)};
            write_events(folder / "events.h5", samples);
        }
        mpi::barrier(comm);
        input = test::example_ratio_input(folder / "events.h5", 30000);
        input.header.shapes = {{"B", "alpha_scale"}, {"S", "alpha_shape"}};
        input.header.yields = {{"B", "alpha_scale", {1.1, 0.9}}};
        input.header.replicas = {3, 2};
        input.header.members = {0, 2};
        input.header.shape_nets = 4;
        input.shape_spread = true;
    }

    RatioBlock block_of(const RatioBlockKey& key) const {
        RatioBlock block;
        const std::uint64_t first = key.range * input.range_size;
        const auto ids = selected_ids(input.sets[key.set], {first, first + input.range_size});
        for (const std::uint64_t id : ids) {
            block.log_ratio.push_back(value_of(key, 0, id));
            block.spread.push_back(spread_of(key, id));
        }
        for (std::uint64_t net = 0; net < nets_of(key); ++net) {
            for (const std::uint64_t id : ids) block.members.push_back(value_of(key, net, id));
        }
        return block;
    }

    void write(const mpi::Communicator& ranks, const std::filesystem::path& path) const {
        write_ratios(ranks, path, input, [&](const RatioBlockKey& key) { return block_of(key); });
    }

    std::uint64_t nets_of(const RatioBlockKey& key) const {
        if (key.kind == RatioKind::replicas) return input.header.replicas[key.column];
        return key.kind == RatioKind::process ? input.header.members[key.column]
                                              : input.header.shape_nets;
    }

    mpi::Communicator comm;
    test::SharedFolder folder;
    RatioInput input;
};

/// Numbers of one line for all events of a set, as they must be.
std::vector<float> expected(const Example& example, RatioBlockKey key, std::uint64_t net) {
    std::vector<float> values;
    for (const std::uint64_t id : selected_ids(example.input.sets[key.set], {0, 1 << 20})) {
        values.push_back(value_of(key, net, id));
    }
    return values;
}

std::vector<float> expected_spread(const Example& example, RatioBlockKey key) {
    std::vector<float> values;
    for (const std::uint64_t id : selected_ids(example.input.sets[key.set], {0, 1 << 20})) {
        values.push_back(spread_of(key, id));
    }
    return values;
}

/// Half of what the means of nets 0, 2 and 1, 3 differ by.
std::vector<float> expected_halves(const Example& example, RatioBlockKey key) {
    std::vector<float> values;
    for (const std::uint64_t id : selected_ids(example.input.sets[key.set], {0, 1 << 20})) {
        const auto of_net = [&](std::uint64_t net) { return double{value_of(key, net, id)}; };
        values.push_back(
            static_cast<float>(0.25 * (of_net(0) - of_net(1) + of_net(2) - of_net(3))));
    }
    return values;
}

}  // namespace

TEST_CASE("shapes of ensembles are read as the likelihood reads them", "[tables][mpi]") {
    Example example;
    example.write(example.comm, example.folder / "ratios.h5");

    const RatioFile file(example.folder / "ratios.h5");

    CHECK(file.header() == example.input.header);
    for (std::uint64_t set = 0; set < 2; ++set) {
        const RatioSet& info = file.sets()[set];
        const std::uint64_t n = info.events;
        const std::size_t columns[] = {1, 0};
        std::vector<double> weight(n);
        std::vector<double> log_r(2 * n);
        std::vector<float> log_g(4 * n);
        file.read_events(info.name, {0, n}, {weight, log_r, columns, log_g, n});
        for (std::size_t k = 0; k < 2; ++k) {
            const RatioBlockKey up{set, RatioKind::up, columns[k], 0};
            const RatioBlockKey down{set, RatioKind::down, columns[k], 0};
            const auto list = [&](std::size_t side) {
                return std::span(log_g).subspan((2 * k + side) * n, n);
            };
            CHECK(std::ranges::equal(list(0), expected(example, up, 0)));
            CHECK(std::ranges::equal(list(1), expected(example, down, 0)));
            CHECK(file.read_net_ratios(info.name, NetRatios::up_halves, columns[k], {0, n}) ==
                  expected_halves(example, up));
            CHECK(file.read_net_ratios(info.name, NetRatios::down_halves, columns[k], {0, n}) ==
                  expected_halves(example, down));
            CHECK(file.read_net_ratios(info.name, NetRatios::up_spread, columns[k], {0, n}) ==
                  expected_spread(example, up));
            CHECK(file.read_net_ratios(info.name, NetRatios::down_spread, columns[k], {0, n}) ==
                  expected_spread(example, down));
        }
    }
}

TEST_CASE("replicas and members stand line by line, their spread undivided", "[tables][mpi]") {
    Example example;
    example.write(example.comm, example.folder / "ratios.h5");

    const RatioFile file(example.folder / "ratios.h5");

    for (std::uint64_t set = 0; set < 2; ++set) {
        const RatioSet& info = file.sets()[set];
        const Range all{0, info.events};
        for (std::uint64_t line = 0; line < 5; ++line) {
            const std::uint64_t process = line < 3 ? 0 : 1;
            const RatioBlockKey key{set, RatioKind::replicas, process, 0};
            CHECK(file.read_net_ratios(info.name, NetRatios::replica, line, all) ==
                  expected(example, key, process == 0 ? line : line - 3));
        }
        for (std::uint64_t process = 0; process < 2; ++process) {
            CHECK(file.read_net_ratios(info.name, NetRatios::replica_spread, process, all) ==
                  expected_spread(example, {set, RatioKind::replicas, process, 0}));
        }
        for (std::uint64_t line = 0; line < 2; ++line) {
            CHECK(file.read_net_ratios(info.name, NetRatios::member, line, all) ==
                  expected(example, {set, RatioKind::process, 1, 0}, line));
        }
    }
    const Range part{5000, 70001};
    const auto whole = file.read_net_ratios("B", NetRatios::replica, 4, {0, file.sets()[1].events});
    CHECK(file.read_net_ratios("B", NetRatios::replica, 4, part) ==
          std::vector<float>(whole.begin() + 5000, whole.begin() + 70001));
    CHECK_THROWS_WITH(file.read_net_ratios("S", NetRatios::replica, 5, {0, 1}),
                      Contains("/events/S/replica_log_r has 5 lines"));
}

TEST_CASE("the number of ranks does not change a bit of the lines", "[tables][mpi]") {
    Example example;
    const auto alone = example.folder / ("alone" + std::to_string(example.comm.rank()) + ".h5");

    example.write(example.comm, example.folder / "together.h5");
    example.write(mpi::Communicator(), alone);

    CHECK(dataset_digests(example.folder / "together.h5") == dataset_digests(alone));
    CHECK(verify_file(example.folder / "together.h5").empty());
    mpi::barrier(example.comm);
}

TEST_CASE("one flipped bit in any line is found", "[tables][mpi]") {
    Example example;
    const auto path = example.folder / ("own" + std::to_string(example.comm.rank()) + ".h5");
    example.write(mpi::Communicator(), path);
    const auto flip = [&](std::uint64_t byte) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(byte));
        const int value = file.get();
        file.seekp(static_cast<std::streamoff>(byte));
        file.put(static_cast<char>(value ^ 4));
    };

    for (const char* name : {"log_g_down", "half_g_up", "spread_g_up", "replica_spread",
                             "replica_log_r", "member_log_r", "member_log_r_xxh3"}) {
        const std::uint64_t offset = [&] {
            const h5::File file = h5::open_file(path);
            const auto dataset = h5::open_dataset(file, std::string("/events/B/") + name);
            return h5::dataset_offset(dataset).value();
        }();
        INFO(name);
        flip(offset + 1);
        CHECK(verify_file(path).size() == 1);
        flip(offset + 1);
    }
    CHECK(verify_file(path).empty());
    mpi::barrier(example.comm);
}

TEST_CASE("a shape that is no number fails all ranks and is named", "[tables][mpi]") {
    Example example;
    const auto spoiled = [&](const RatioBlockKey& key) {
        RatioBlock block = example.block_of(key);
        if (key.set == 1 && key.kind == RatioKind::down && key.column == 0 && key.range == 6) {
            block.log_ratio[3] = -INFINITY;
        }
        return block;
    };

    CHECK_THROWS_WITH(
        write_ratios(example.comm, example.folder / "ratios.h5", example.input, spoiled),
        Contains("sample 'B', 'alpha_scale' down of process 'B', range 6 row 1800"));

    mpi::barrier(example.comm);
    CHECK(!std::filesystem::exists(example.folder / "ratios.h5"));
}

TEST_CASE("a block without all of its nets is refused", "[tables][mpi]") {
    Example example;
    const auto spoiled = [&](const RatioBlockKey& key) {
        RatioBlock block = example.block_of(key);
        if (key.kind == RatioKind::replicas) block.members.pop_back();
        return block;
    };

    CHECK_THROWS_WITH(
        write_ratios(example.comm, example.folder / "ratios.h5", example.input, spoiled),
        Contains("replicas of process 'S'") && Contains("3 nets"));
    mpi::barrier(example.comm);
}
