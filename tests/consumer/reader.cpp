// Events written to a file and found again through the public headers.

#include <cstdio>
#include <vector>

#include <ratiofarm/tables/event_file.hpp>

int main(int argc, char* argv[]) {
    if (argc != 2) return 2;
    const ratiofarm::EventSample sample{.name = "S",
                                        .columns = {"x"},
                                        .features = {0.5F, 1.5F, 2.5F},
                                        .weight = {1.0, 2.0, 3.0},
                                        .id = {7, 8, 9},
                                        .log_density = {}};
    ratiofarm::write_events(argv[1], std::vector{sample});

    const auto samples = ratiofarm::all_samples(argv[1]);
    const auto infos = ratiofarm::read_sample_info(argv[1], samples, sample.columns, {});

    const bool right = infos.size() == 1 && infos[0].name == "S" && infos[0].columns.events == 3 &&
                       infos[0].sum_of_weights == 6.0;
    std::printf("%zu sample(s), sum of weights %g\n", infos.size(),
                infos.empty() ? 0.0 : infos[0].sum_of_weights);
    return right ? 0 : 1;
}
