#include <ratiofarm/fit/fit_result.hpp>

int main() {
    const ratiofarm::FitResult result{.poi = "mu"};
    return result.poi == "mu" ? 0 : 1;
}
