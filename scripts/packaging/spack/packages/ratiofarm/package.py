# spack repo add scripts/packaging/spack; spack install ratiofarm
from spack.package import *


class Ratiofarm(CMakePackage):
    """Trains density-ratio ensembles on a cluster and fits a measurement with them."""

    # A checkout: spack develop --path /path/to/ratiofarm ratiofarm@main
    version("main")

    variant("cuda", default=False, description="train on NVIDIA GPUs")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("hdf5@1.10: ~cxx")
    depends_on("eigen@3.4:")
    depends_on("boost@1.74: +program_options +math")
    depends_on("fmt@9:")
    depends_on("spdlog +shared")
    depends_on("nlohmann-json@3.11:")
    depends_on("tomlplusplus")
    depends_on("xxhash")
    depends_on("zlib-api")
    depends_on("py-torch@2.11: ~distributed")
    depends_on("py-torch +cuda", when="+cuda")
    depends_on("py-torch ~cuda", when="~cuda")
    depends_on("gnuplot +cairo", type="run")

    conflicts("%gcc@:11")

    generator("ninja")

    def cmake_args(self):
        torch = join_path(self.spec["py-torch"].package.module.python_platlib, "torch")
        return [
            self.define("LIBTORCH", torch),
            self.define("RATIOFARM_TESTS", False),
        ]
