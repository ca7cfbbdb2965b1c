// Nets for other programs: what the documented reader makes of them, beside what the ensemble file
// and PyTorch say.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "tables/ensembles/safetensors_export.hpp"
#include "tests/commands/run_program.hpp"

#include "documented_script.hpp"
#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::run_ratiofarm;
using test::TemporaryDirectory;

namespace {

EnsembleHeader header_of(NetworkKind kind, Activation activation) {
    EnsembleHeader header = test::example_header(3);
    header.network = {.kind = kind, .inputs = 2, .hidden = {5, 5, 3}, .activation = activation};
    return header;
}

/// Writes ensembles/S.h5 of a run directory: nets with weights of a size that nets have.
void write_nets(const TemporaryDirectory& folder, const EnsembleHeader& header) {
    std::filesystem::create_directories(folder / "ensembles");
    write_ensemble(mpi::Communicator(), folder / "ensembles/S.h5", header, [&](std::uint64_t net) {
        EnsembleNet value = test::example_net(header, net);
        PhiloxSequence random(7, net);
        for (float& weight : value.result.row) weight = static_cast<float>(random.normal());
        return value;
    });
}

/// Runs a script with the Python of ./run bench train, which has PyTorch.
bool run_torch(const std::string& script, const std::string& argument) {
    const std::string python = RATIOFARM_SOURCE_DIR "/.deps/bench-venv/bin/python";
    if (std::system((python + " -c 'import torch' 2>/dev/null").c_str()) != 0) {
        WARN("skipped: no PyTorch for Python; './run bench train --quick' installs it");
        return false;
    }
    const TemporaryDirectory folder;
    const std::string path = (folder / "script.py").string();
    std::ofstream(path) << script;
    return std::system((python + " " + path + " " + argument).c_str()) == 0;
}

}  // namespace

TEST_CASE("the documented reader finds the nets of the ensemble file", "[commands]") {
    const TemporaryDirectory folder;
    const auto kind = GENERATE(NetworkKind::mlp, NetworkKind::residual_mlp);
    const auto activation =
        GENERATE(Activation::relu, Activation::silu, Activation::tanh, Activation::gelu);
    EnsembleHeader header = header_of(kind, activation);
    header.network.layer_norm = header.network.log_features = activation == Activation::silu;
    write_nets(folder, header);
    std::ofstream(folder / "h5.py") << test::documented_script("evaluate an ensemble");

    export_safetensors(read_ensemble(folder / "ensembles/S.h5"), folder / "S.safetensors");

    test::run_python(test::documented_script("read nets from safetensors") + R"(
import os, runpy, h5py
ours = [metadata, nets, logit]
folder = os.path.dirname(sys.argv[1])
sys.argv[1] = folder + "/ensembles/S.h5"
theirs = runpy.run_path(folder + "/h5.py")
x = np.random.default_rng(1).normal(size=(50, 2)).astype("f4")
with h5py.File(sys.argv[1]) as f:
    assert len(nets) == f["nets/weights"].shape[0] == 3
    for k, net in enumerate(nets):
        assert np.array_equal(net["calibration"], f["nets/calibration"][k], equal_nan=True)
        assert np.abs(logit(metadata, net, x) - theirs["logit"](f, k, x)).max() < 1e-5
    assert metadata["digest"] == f.attrs["digest"]
    assert json.loads(metadata["features"]) == list(f.attrs["features"])
    assert json.loads(metadata["names"]) == list(f["nets"].attrs["names"])
    assert json.loads(metadata["net_fold"]) == f["nets/fold"][:].tolist()
)",
                     (folder / "S.safetensors").string());
}

TEST_CASE("an exported net is a state of a PyTorch module", "[commands]") {
    const TemporaryDirectory folder;
    const auto activation = GENERATE(Activation::silu, Activation::gelu);
    write_nets(folder, header_of(NetworkKind::residual_mlp, activation));
    export_safetensors(read_ensemble(folder / "ensembles/S.h5"), folder / "S.safetensors");

    const std::string script = test::documented_script("read nets from safetensors") + R"(
import torch

class Net(torch.nn.Module):
    def __init__(self, inputs, hidden, activation):
        super().__init__()
        self.activation, widths = activation, [inputs, *hidden, 1]
        for i in range(len(widths) - 1):
            setattr(self, f"layer{i}", torch.nn.Linear(widths[i], widths[i + 1]))
        self.register_buffer("feature_shift", torch.zeros(inputs))
        self.register_buffer("feature_scale", torch.zeros(inputs))

    def forward(self, x):
        x = (x - self.feature_shift) * self.feature_scale
        x = self.activation(self.layer0(x))
        x = x + self.activation(self.layer1(x))
        return self.layer3(self.activation(self.layer2(x))).squeeze(1)

activation = getattr(torch.nn.functional, metadata["activation"])
x = np.random.default_rng(1).normal(size=(50, 2)).astype("f4")
for net in nets:
    module = Net(2, json.loads(metadata["hidden"]), activation)
    state = {name: torch.from_numpy(a.copy()) for name, a in net.items() if name != "calibration"}
    module.load_state_dict(state)
    with torch.no_grad():
        theirs = module(torch.from_numpy(x)).numpy()
    assert np.abs(logit(metadata, net, x) - theirs).max() < 1e-5
open(sys.argv[1] + ".checked", "w").write("yes")
)";
    if (!run_torch(script, (folder / "S.safetensors").string())) return;
    CHECK(test::text_of(folder / "S.safetensors.checked") == "yes");
}

TEST_CASE("nets that are not calibrated have no such tensor", "[commands]") {
    const TemporaryDirectory folder;
    EnsembleHeader header = header_of(NetworkKind::mlp, Activation::silu);
    header.training.calibration = CalibrationMethod::none;
    write_nets(folder, header);

    export_safetensors(read_ensemble(folder / "ensembles/S.h5"), folder / "S.safetensors");

    test::run_python(test::documented_script("read nets from safetensors") + R"(
assert all("calibration" not in net and len(net) == 10 for net in nets)
)",
                     (folder / "S.safetensors").string());
}

TEST_CASE("export finds an ensemble by its name, and says which there are", "[commands]") {
    const TemporaryDirectory folder;
    write_nets(folder, header_of(NetworkKind::mlp, Activation::silu));
    std::filesystem::create_directories(folder / "ensembles/S/scale");
    std::filesystem::copy_file(folder / "ensembles/S.h5", folder / "ensembles/S/scale/up.h5");
    const std::string from = "export --format safetensors --run . ";

    const auto done = run_ratiofarm(folder.path(), from + "--ensemble S/scale/up --out up.st");
    const auto unknown = run_ratiofarm(folder.path(), from + "--ensemble SBI --out a.st");
    const auto nowhere = run_ratiofarm(folder.path(), from + "--ensemble S");
    const auto mixed = run_ratiofarm(folder.path(), "export --format pyhf --ensemble S");

    INFO(done.errors);
    CHECK(done.code == 0);
    CHECK(std::filesystem::file_size(folder / "up.st") > 3 * 4 * 100);
    CHECK(unknown.code == 2);
    CHECK_THAT(unknown.errors, Contains("'SBI'") && Contains("it holds S, S/scale/up"));
    CHECK_FALSE(std::filesystem::exists(folder / "a.st"));
    CHECK(nowhere.code == 2);
    CHECK_THAT(nowhere.errors, Contains("--out"));
    CHECK(mixed.code == 2);
    CHECK_THAT(mixed.errors, Contains("--ensemble means nothing with --format pyhf"));
}

TEST_CASE("a damaged net is not exported", "[commands]") {
    const TemporaryDirectory folder;
    write_nets(folder, header_of(NetworkKind::mlp, Activation::silu));
    const EnsembleFile file = read_ensemble(folder / "ensembles/S.h5");
    std::fstream bytes(file.path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.weights_offset + 4 * file.header.row_stride()));
    bytes.put('x').flush();

    CHECK_THROWS_WITH(export_safetensors(file, folder / "S.safetensors"), Contains("row 1"));

    CHECK_FALSE(std::filesystem::exists(folder / "S.safetensors"));
    CHECK_FALSE(std::filesystem::exists(folder / "S.safetensors.partial"));
}
