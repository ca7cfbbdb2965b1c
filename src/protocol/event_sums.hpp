#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/core/wire.hpp"

/// What a rank and its trainer say to each other when the trainer sums over the events of a
/// likelihood. Each request is answered by EventSums or TaskFailed, one after the other.
namespace ratiofarm {

/// Keep a piece of a list of events; the first one begins the list. Meaning of the numbers:
/// DeviceLayout and DeviceEvents of the fit.
struct HoldEventsRequest {
    std::uint32_t list = 0;
    std::uint32_t n_processes = 0;         ///< S
    std::uint32_t n_parameters = 0;        ///< P
    std::vector<std::uint32_t> process;    ///< [C], ascending
    std::vector<std::uint32_t> parameter;  ///< [C]
    std::vector<double> yields;            ///< [S]
    double relative_floor = 0.0;           ///< of an event's mixture, relative to its scale
    double smallest_floor = 0.0;
    std::vector<double> weight;     ///< [n]
    std::vector<double> reference;  ///< [n]
    std::vector<double> ratio;      ///< [S][n]
    std::vector<float> log_g;       ///< [C][up, down][n]
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, HoldEventsRequest>& value) {
    archive(value.list, value.n_processes, value.n_parameters, value.process, value.parameter,
            value.yields, value.relative_floor, value.smallest_floor, value.weight, value.reference,
            value.ratio, value.log_g);
}

/// Sum over a list at one point, DevicePoint of the fit.
struct SumEventsRequest {
    std::uint32_t list = 0;
    std::uint32_t threads = 1;  ///< of the processor
    bool in_double = true;
    std::vector<double> rates;    ///< [S]; empty: sums over the reference
    std::vector<double> columns;  ///< [C][column_numbers]
};

/// Numbers of one column at one point.
inline constexpr std::uint32_t column_numbers = 24;

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, SumEventsRequest>& value) {
    archive(value.list, value.threads, value.in_double, value.rates, value.columns);
}

struct ForgetEventsRequest {
    std::uint32_t list = 0;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ForgetEventsRequest>& value) {
    archive(value.list);
}

/// What SumsDevice::sums() returns; empty where no sums were asked for.
struct EventSums {
    std::vector<double> sums;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, EventSums>& value) {
    archive(value.sums);
}

}  // namespace ratiofarm
