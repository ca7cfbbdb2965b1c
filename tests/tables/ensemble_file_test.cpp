#include "ratiofarm/tables/ensemble_file.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"

#include "h5/attributes.hpp"
#include "h5/file.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

EnsembleProvider provider_for(const EnsembleHeader& header) {
    return [&header](std::uint64_t net) { return test::example_net(header, net); };
}

}  // namespace

TEST_CASE("nets written by all ranks are read as they were", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(GENERATE(1, 2, 5, 7));
    const auto path = folder / ("S" + std::to_string(header.nets()) + ".h5");

    write_ensemble(comm, path, header, provider_for(header));
    const EnsembleFile ensemble = read_ensemble(path);
    const std::vector<EnsembleNet> nets = read_nets(ensemble);

    CHECK(ensemble.header == header);
    REQUIRE(nets.size() == header.nets());
    for (std::uint64_t net = 0; net < header.nets(); ++net) {
        const EnsembleNet expected = test::example_net(header, net);
        CHECK(encode(nets[net]) == encode(expected));
    }
    CHECK(!std::filesystem::exists(path.string() + ".partial"));
    mpi::barrier(comm);
}

TEST_CASE("an ensemble of classifiers is read as it was", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    EnsembleHeader header = test::example_header(3);
    header.process.clear();
    header.network.outputs = 3;
    const EnsembleProvider provider = [&](std::uint64_t index) {
        EnsembleNet net = test::example_net(header, index);
        NetQuality& quality = net.result.quality;
        quality.constant_loss = 1.5;
        quality.class_excess = {0.1, 0.2, 0.25 * static_cast<double>(index)};
        quality.class_excess_error = {0.01, 0.02, 0.03};
        quality.class_slope = {0.9, 1.0, 1.1};
        quality.class_slope_error = {0.05, 0.06, 0.07};
        return net;
    };

    write_ensemble(comm, folder / "classes.h5", header, provider);
    const EnsembleFile ensemble = read_ensemble(folder / "classes.h5");
    const std::vector<EnsembleNet> nets = read_nets(ensemble);

    CHECK(ensemble.header == header);
    REQUIRE(nets.size() == 3);
    for (std::uint64_t net = 0; net < 3; ++net) CHECK(encode(nets[net]) == encode(provider(net)));
    mpi::barrier(comm);
}

TEST_CASE("the number of ranks does not change a bit of an ensemble", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(5);
    const auto alone = folder / ("alone" + std::to_string(comm.rank()) + ".h5");

    write_ensemble(comm, folder / "together.h5", header, provider_for(header));
    write_ensemble(mpi::Communicator(), alone, header, provider_for(header));

    CHECK(dataset_digests(folder / "together.h5") == dataset_digests(alone));
    CHECK(verify_file(folder / "together.h5").empty());
}

TEST_CASE("rows of nets can be mapped at their offset", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(3);
    write_ensemble(comm, folder / "S.h5", header, provider_for(header));

    const EnsembleFile ensemble = read_ensemble(folder / "S.h5");
    const MappedFile mapped(ensemble.path);
    const auto rows = mapped.values<float>(ensemble.weights_offset, 3 * header.row_stride());

    CHECK(header.row_stride() % 16 == 0);
    for (std::uint64_t net = 0; net < 3; ++net) {
        const auto row = rows.subspan(net * header.row_stride(), header.row_size());
        CHECK(std::ranges::equal(row, test::example_net(header, net).result.row));
    }
    CHECK(ensemble.fold == std::vector<std::uint32_t>{0, 1, 0});
}

TEST_CASE("calibrations can be mapped at their offset, NaN beyond the last knot", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(3);
    write_ensemble(comm, folder / "S.h5", header, provider_for(header));

    const EnsembleFile ensemble = read_ensemble(folder / "S.h5");
    const MappedFile mapped(ensemble.path);
    const auto maps =
        mapped.values<float>(ensemble.calibration_offset, 3 * 2 * std::uint64_t{calibration_knots});

    for (std::uint64_t net = 0; net < 3; ++net) {
        const CalibrationMap expected = test::example_net(header, net).result.calibration;
        const std::size_t knots = expected.logit.size();
        const auto logit = maps.subspan(2 * net * calibration_knots, calibration_knots);
        const auto calibrated = maps.subspan((2 * net + 1) * calibration_knots, calibration_knots);
        CHECK(std::ranges::equal(logit.first(knots), expected.logit));
        CHECK(std::ranges::equal(calibrated.first(knots), expected.calibrated));
        CHECK(std::ranges::all_of(logit.subspan(knots), [](float x) { return std::isnan(x); }));
        CHECK(
            std::ranges::all_of(calibrated.subspan(knots), [](float x) { return std::isnan(x); }));
    }
}

TEST_CASE("a net that is not there fails all ranks and leaves no file", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(4);
    const auto last_is_missing = [&](std::uint64_t net) {
        if (net == 3) throw DataError("no result of net 3");
        return test::example_net(header, net);
    };

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, last_is_missing),
                      Contains("S.h5") && Contains("no result of net 3"));

    mpi::barrier(comm);
    CHECK(!std::filesystem::exists(folder / "S.h5"));
    CHECK(!std::filesystem::exists(folder / "S.h5.partial"));
}

TEST_CASE("a net of another network is refused", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(2);
    EnsembleHeader wider = header;
    wider.network.hidden = {9};

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, provider_for(wider)),
                      Contains("net 0 of 'S.replicas' has"));
}

TEST_CASE("what a row has no room for is refused, and so is a net that failed", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(2);
    const auto spoiled = [&](auto spoil) {
        return [&header, spoil](std::uint64_t net) {
            EnsembleNet value = test::example_net(header, net);
            spoil(value.result);
            return value;
        };
    };
    const auto write = [&](auto spoil) {
        write_ensemble(comm, folder / "S.h5", header, spoiled(spoil));
    };

    CHECK_THROWS_WITH(write([](TrainedNet& net) { net.training_loss.assign(6, 1.0); }),
                      Contains("6 values for /nets/training_loss, a row holds 5"));
    CHECK_THROWS_WITH(write([](TrainedNet& net) { net.quality.closure.assign(3, 1.0); }),
                      Contains("3 values for /nets/quality/closure, a row holds 2"));
    CHECK_THROWS_WITH(write([](TrainedNet& net) { net.calibration.logit.assign(65, 1.0F); }),
                      Contains("65 values for /nets/calibration, a row holds 64"));
    CHECK_THROWS_WITH(write([](TrainedNet& net) { net.failure = "diverged: NaN"; }),
                      Contains("net 0 of 'S.replicas' failed: diverged: NaN"));
    mpi::barrier(comm);
}

TEST_CASE("an ensemble without folds, gates or excluded nets is read back", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    EnsembleHeader header = test::example_header(2);
    header.folds = 0;
    header.gates.clear();
    header.excluded.clear();
    write_ensemble(comm, folder / "S.h5", header, provider_for(header));

    const EnsembleFile ensemble = read_ensemble(folder / "S.h5");

    CHECK(ensemble.header == header);
    CHECK(ensemble.fold.empty());
}

TEST_CASE("every option of a training stands in the file, but for the one without effect",
          "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(1);
    write_ensemble(comm, folder / "S.h5", header, provider_for(header));

    std::size_t options = 0;
    for_each_field(header.training, [&](std::string_view, const auto&, const Key& key) {
        if (key.written) ++options;  // average_from is of another average
    });
    const h5::File file = h5::open_file(folder / "S.h5");

    CHECK(h5::attribute_names(file, "/training").size() == options - 1);
    CHECK(!h5::has_attribute(file, "/training", "checkpoint_seconds"));
}

TEST_CASE("files without scores are read", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    EnsembleHeader header = test::example_header(1);
    const auto scores = [&] {
        write_ensemble(comm, folder / "S.h5", header, provider_for(header));
        const EnsembleFile file = read_ensemble(folder / "S.h5");
        CHECK(file.header == header);
        return read_net(file, 0).result.scores;
    };

    CHECK(scores() == provider_for(header)(0).result.scores);
    header.scores = false;
    header.network.gram = 3;
    CHECK(scores() == ScoreHistograms{});
    CHECK(h5::read_integer_attribute(h5::open_file(folder / "S.h5"), "/", "version") == 4);
}

TEST_CASE("the closure of quantities of particle lists is kept, with a version of its own",
          "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    EnsembleHeader header = test::example_header(2);
    header.list_closure = true;
    // Behind the features; a net of an older program, which is kept, has none.
    const auto provider = [&](std::uint64_t net) {
        EnsembleNet value = test::example_net(header, net);
        if (net == 0) return value;
        for (const double more : {0.1, 0.2, 0.3}) {
            value.result.quality.closure.push_back(more);
            value.result.quality.closure_noise.push_back(0.01);
        }
        return value;
    };

    write_ensemble(comm, folder / "S.h5", header, provider);

    const EnsembleFile file = read_ensemble(folder / "S.h5");
    CHECK(file.header == header);
    for (const std::uint64_t net : {0, 1}) {
        CHECK(read_net(file, net).result.quality == provider(net).result.quality);
    }
    CHECK(h5::read_integer_attribute(h5::open_file(folder / "S.h5"), "/", "version") == 6);
}

TEST_CASE("more nets than a file holds are refused with the limit", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(1001);

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, provider_for(header)),
                      Contains("1001 nets") && Contains("at most 1000"));
}
