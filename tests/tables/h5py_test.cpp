#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "documented_script.hpp"
#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> only_s{"S"};

}  // namespace

TEST_CASE("plain h5py reads an events file and its checksums", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = test::example_sample("S", 70000);
    write_events(folder / "events.h5", std::span(&sample, 1));

    test::run_python(R"(
import sys, zlib, h5py, numpy as np
with h5py.File(sys.argv[1]) as f:
    assert f.attrs["format"] == "ratiofarm-events" and f.attrs["version"] == 1
    s = f["S"]
    assert list(s["features"].attrs["columns"]) == ["mass", "pt"]
    assert s["features"].shape == (70000, 2) and s["features"].dtype == "<f4"
    assert (s["features"][:, 0] == np.arange(70000)).all()
    assert s["weight"].dtype == "<f8" and s["id"].dtype == "<u8"
    for name in ["features", "weight", "id"]:
        for block, crc in enumerate(s[name + "_crc"]):
            rows = s[name][block * 65536:(block + 1) * 65536]
            assert zlib.crc32(rows.tobytes()) == crc
)",
                     (folder / "events.h5").string());
}

TEST_CASE("plain h5py reads the nets of an ensemble as documented", "[tables]") {
    const test::TemporaryDirectory folder;
    const EnsembleHeader header = test::example_header(3);
    write_ensemble(mpi::Communicator(), folder / "S.h5", header,
                   [&](std::uint64_t net) { return test::example_net(header, net); });

    test::run_python(test::documented_script("evaluate an ensemble") + R"(
import zlib
with h5py.File(sys.argv[1]) as f:
    nets = f["nets"]
    assert list(nets.attrs["names"]) == ["S/member 0", "S/member 1", "S/member 2"]
    assert f["network"].attrs["kind"] == "residual_mlp"
    columns = ["digest", "index", "attempts", "fold", "seed", "replica", "epochs", "best_epoch",
               "best_validation_loss", "training_events", "validation_events", "negative_weights",
               "training_loss", "validation_loss"]
    columns += ["quality/" + name for name in [
        "excess", "excess_error", "sc_rms", "sc_norm", "sc_noise", "calibration_slope",
        "slope_error", "overtraining", "overtraining_noise", "logit_spread", "not_finite",
        "saturated", "held_out_gain", "held_out_error", "held_out_events", "calibration_predicted", "calibration_observed", "calibration_error",
        "closure", "closure_noise", "reference_logits", "score_low", "score_high", "score_shares",
        "score_errors"]]
    columns += ["calibration", "lengths"]
    for net in range(3):
        row = nets["weights"][net, :f.attrs["row_size"]]
        assert row[0] == 100 * net and row[-1] == 100 * net + f.attrs["row_size"] - 1
        assert zlib.crc32(row.tobytes()) == nets["crc"][net]
        table = b"".join(nets[name][net].tobytes() for name in ["crc"] + columns)
        assert zlib.crc32(table) == nets["table_crc"][net]
        assert nets["quality/excess"][net] == 0.01 * (net + 1)
        assert nets["seed"][net] == 1000 + net and nets["replica"][net] == 2000 + net
    assert {name for name in columns if "/" in name} == {"quality/" + n for n in nets["quality"]}
    assert not np.isfinite(nets["quality/calibration_error"][0, 3:]).any()
    assert list(nets["calibration"][1, 1, :4])[:3] == [-1.5, 0.25, 1.0]
    assert np.isnan(nets["calibration"][0]).all()
    options = dict(f["training"].attrs)
    assert options["optimizer"] == "adamw" and options["schedule"] == "plateau"
    assert options["clip_norm"] == 2.5 and options["engine"] == "autograd"
    assert dict(f["gates"].attrs) == {"excess": 0.05, "slope": 0.1}
    assert list(f["excluded"].attrs["names"]) == ["S/member 1", "S/member 2"]
    assert f["excluded"].attrs["reasons"][1] == "E[r] - 1 = 0.41"
)",
                     (folder / "S.h5").string());
}

TEST_CASE("plain h5py reads a ratio file", "[tables]") {
    const test::TemporaryDirectory folder;
    const std::vector<EventSample> samples{test::example_sample("S", 301),
                                           test::example_sample("B", 299, 1000)};
    write_events(folder / "events.h5", samples);
    const RatioInput input = test::example_ratio_input(folder / "events.h5", 100);
    write_ratios(mpi::Communicator(), folder / "ratios.h5", input, test::example_provider(input));

    test::run_python(R"(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as f:
    assert list(f.attrs["processes"]) == ["S", "B"] and list(f.attrs["samples"]) == ["S", "B"]
    assert list(f.attrs["yields"]) == [10.0, 90.0]
    fractions = dict(zip(f["reference"].attrs["samples"], f["reference"].attrs["fractions"]))
    mean = 0.0
    for name, pi in fractions.items():
        s = f["events"][name]
        w = s["weight"][:]
        assert abs(w.sum() - s.attrs["sum_of_weights"]) < 1e-9
        mean = mean + pi * (w[:, None] * np.exp(s["log_r"][:].astype("f8"))).sum(axis=0) / w.sum()
    assert np.allclose(mean, 1.0, atol=1e-6), mean
)",
                     (folder / "ratios.h5").string());
}

TEST_CASE("events written by h5py as documented can be used", "[tables]") {
    const test::TemporaryDirectory folder;
    if (!test::run_python(test::documented_script("write events.h5"),
                          (folder / "events.h5").string())) {
        return;
    }

    const std::vector<std::string> features{"mass", "cos_theta"};
    const auto info = read_sample_info(folder / "events.h5", only_s, features, Split{}).front();

    CHECK(info.columns.events == 1000);
    CHECK(verify_file(folder / "events.h5").empty());
}

TEST_CASE("ratios written by h5py as documented can be fitted", "[tables]") {
    const test::TemporaryDirectory folder;
    if (!test::run_python(test::documented_script("write ratios.h5"),
                          (folder / "ratios.h5").string())) {
        return;
    }

    const RatioFile file(folder / "ratios.h5");

    CHECK(file.header().processes.size() == 2);
    CHECK(file.header().shape_norm == ShapeNorm::none);
    REQUIRE(file.warnings().size() == file.sets().size());
    CHECK_THAT(file.warnings().front(), Contains("without checksums"));
    CHECK(file.read_rows("S", {0, 10}).log_r.size() == 20);
    CHECK(file.set("S").sum_of_weights == Approx(100.0));
    CHECK(verify_file(folder / "ratios.h5").empty());
}

TEST_CASE("systematics written by h5py as documented can be fitted", "[tables]") {
    const test::TemporaryDirectory folder;
    const std::string script = test::documented_script("write ratios.h5 with systematics");
    if (!test::run_python(script, (folder / "ratios.h5").string())) return;

    const RatioFile file(folder / "ratios.h5");

    CHECK(file.header().shapes == std::vector<RatioShape>{{"S", "alpha_scale"}});
    CHECK(file.header().yields == std::vector<RatioYield>{{"S", "alpha_scale", {1.1, 0.92}}});
    CHECK(verify_file(folder / "ratios.h5").empty());
    const std::size_t columns[] = {0};
    std::vector<double> weight(100);
    std::vector<double> log_r(200);
    std::vector<float> log_g(200);
    file.read_events("S", {0, 100}, {weight, log_r, columns, log_g, 100});
    for (std::size_t event = 0; event < 100; ++event) {
        // ln g = 0.2 x - 0.02 and -0.2 x - 0.02: their sum does not depend on x.
        CHECK(log_g[event] + log_g[100 + event] == Approx(-0.04).margin(1e-5));
    }
}

TEST_CASE("a filter that this HDF5 lacks is named, and links in a cycle end", "[tables]") {
    const test::TemporaryDirectory folder;
    if (!test::run_python(R"(
import sys, h5py, numpy as np
def write(name, **options):
    with h5py.File(sys.argv[1] + name, "w") as f:
        f.attrs["format"], f.attrs["version"] = "ratiofarm-events", 1
        s = f.create_group("S")
        s.create_dataset("features", data=np.arange(20.0, dtype="f4").reshape(10, 2), **options)
        s["features"].attrs["columns"] = ["a", "b"]
        s["weight"], s["id"] = np.ones(10), np.arange(10, dtype="u8")
        if name == "cycle.h5":
            f["S/again"] = f["S"]
            f["metadata_crc"] = np.zeros(1, dtype="u4")
        if name == "diamonds.h5":
            f["metadata_crc"] = np.zeros(1, dtype="u4")
            group = f.create_group("d")
            for k in range(25):
                group["left"] = group["right"] = f.create_group(f"d{k}")
                group = f[f"d{k}"]
write("lzf.h5", compression="lzf")
write("gzip.h5", compression="gzip")
write("cycle.h5")
write("diamonds.h5")
)",
                          (folder / "").string())) {
        return;
    }
    const auto read = [&](const char* name) {
        return read_sample_info(folder / name, only_s, {}, Split{});
    };

    CHECK(read("gzip.h5").front().columns.events == 10);
    CHECK_THROWS_AS(read("lzf.h5"), DataError);
    CHECK_THROWS_WITH(read("lzf.h5"), Contains("lzf.h5") && Contains("/S/features") &&
                                          Contains("filter 'lzf'") && Contains("gzip"));
    for (const char* name : {"cycle.h5", "diamonds.h5"}) {
        CHECK_THROWS_AS(read(name), DataError);
        CHECK_THROWS_WITH(read(name), Contains(name) && Contains("do its links form a cycle?"));
    }
}
