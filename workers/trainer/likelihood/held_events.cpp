#include "held_events.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
/// How the columns of a list of events lie: those of process j are [first[j], first[j + 1]).
struct ColumnOrder {
    std::vector<std::int64_t> first;  ///< [S + 1]
    at::Tensor process;               ///< i64 [C]
    at::Tensor parameter;             ///< i64 [C]
    std::int64_t n_parameters = 0;    ///< P

    std::int64_t n_processes() const { return static_cast<std::int64_t>(first.size()) - 1; }
    std::int64_t n_columns() const { return first.back(); }
};

/// Events on the device; n is a multiple of stretch.
struct EventPiece {
    at::Tensor weight;     ///< f64 [n]
    at::Tensor reference;  ///< f64 [n]
    at::Tensor ratio;      ///< f64 [S, n], r
    at::Tensor log_g;      ///< f32 [C, 2, n]

    /// Events over which products in single precision are gathered.
    static constexpr std::int64_t stretch = 1024;
};

/// One list of events.
struct EventList {
    ColumnOrder order;
    at::Tensor yields;  ///< f64 [S]
    double relative_floor = 0.0;
    double smallest_floor = 0.0;
    std::vector<EventPiece> pieces;
};

namespace {

/// Columns at one point.
struct ColumnPoint {
    at::Tensor numbers;                    ///< real [C, column_numbers]
    std::vector<std::int64_t> by_form[3];  ///< columns of the linear form, of one power, of both
};

/// \param columns [C][column_numbers]  \param like  a tensor of the precision and device wanted
ColumnPoint column_point(const std::vector<double>& columns, const at::Tensor& like) {
    const auto n = static_cast<std::int64_t>(columns.size()) / column_numbers;
    ColumnPoint point;
    for (std::int64_t c = 0; c < n; ++c) {
        const double side = columns[static_cast<std::size_t>((c + 1) * column_numbers - 1)];
        point.by_form[side == 2.0 ? 2 : (side != 0.0 ? 1 : 0)].push_back(c);
    }
    point.numbers = at::tensor(columns, at::kDouble).view({n, column_numbers}).to(like.options());
    return point;
}

/// g, g'/g and g''/g of some columns, real [k, n] each; held: where g was below its floor.
struct Columns {
    at::Tensor value;
    at::Tensor gradient;
    at::Tensor curvature;
    at::Tensor held = {};
};

// Places of a column's numbers: DevicePoint of the fit.
constexpr std::int64_t first_weight = 3;
constexpr std::int64_t weights_of_order = 6;
constexpr std::int64_t power_at = 21;
constexpr std::int64_t smallest_at = 22;
constexpr std::int64_t side_at = 23;

/// The numbers at one place as a column [k, 1], against [k, n].
at::Tensor number_at(const at::Tensor& numbers, std::int64_t place) {
    return numbers.select(1, place).unsqueeze(1);
}

/// c + u (k0 + ln u (k2 + k4 ln u)) + d (k1 + ln d (k3 + k5 ln d)).
Columns linear_columns(const at::Tensor& log_g, const at::Tensor& numbers) {
    const at::Tensor log_up = log_g.select(1, 0);
    const at::Tensor log_down = log_g.select(1, 1);
    const at::Tensor up = log_up.exp();
    const at::Tensor down = log_down.exp();
    const auto order = [&](std::int64_t q) {
        const auto k = [&](std::int64_t i) {
            return number_at(numbers, first_weight + q * weights_of_order + i);
        };
        const at::Tensor of_up = at::addcmul(k(2), log_up, k(4)).mul_(log_up).add_(k(0));
        const at::Tensor of_down = at::addcmul(k(3), log_down, k(5)).mul_(log_down).add_(k(1));
        return at::addcmul(number_at(numbers, q), down, of_down).addcmul_(up, of_up);
    };
    const at::Tensor value = order(0);
    const at::Tensor floor = number_at(numbers, smallest_at);
    const at::Tensor held = value.lt(floor);
    const at::Tensor safe = at::maximum(value, floor);
    return {safe, order(1).div_(safe).masked_fill_(held, 0.0),
            order(2).div_(safe).masked_fill_(held, 0.0), held};
}

/// g = u^alpha or d^-alpha.
Columns power_columns(const at::Tensor& log_g, const at::Tensor& numbers) {
    const at::Tensor side = number_at(numbers, side_at);
    const at::Tensor log = at::where(side.gt(0.0), log_g.select(1, 0), log_g.select(1, 1));
    return {(log * number_at(numbers, power_at)).exp_(), log * side, log * log};
}

/// ln g = k0 ln u + k1 ln d.
Columns both_columns(const at::Tensor& log_g, const at::Tensor& numbers) {
    const auto order = [&](std::int64_t q) {
        const std::int64_t at = first_weight + q * weights_of_order;
        return log_g.select(1, 0) * number_at(numbers, at) +
               log_g.select(1, 1) * number_at(numbers, at + 1);
    };
    const at::Tensor slope = order(1);
    return {order(0).exp_(), slope, slope * slope + order(2)};
}

using Form = Columns (*)(const at::Tensor& log_g, const at::Tensor& numbers);
constexpr Form forms[]{linear_columns, power_columns, both_columns};

/// Shapes of a piece at a point.
struct ShapeTensors {
    at::Tensor gradient;   ///< real [C, n], u = g'/g
    at::Tensor curvature;  ///< real [C, n], v = g''/g
    at::Tensor ratio;      ///< f64 [S, n], T = r prod g
    at::Tensor clipped;    ///< f64 [S], columns of events with weight whose g was held
};

/// Visits the processes that have columns. \param visit (j, first, last)
template <class Visit>
void for_each_process(const ColumnOrder& order, const Visit& visit) {
    for (std::int64_t j = 0; j < order.n_processes(); ++j) {
        const auto at = static_cast<std::size_t>(j);
        if (order.first[at] < order.first[at + 1]) visit(j, order.first[at], order.first[at + 1]);
    }
}

/// \param weight f64 [n], of the sums that are wanted
ShapeTensors shape_tensors(const ColumnOrder& order,
                           const EventPiece& piece,
                           const ColumnPoint& point,
                           const at::Tensor& weight) {
    const std::int64_t n = weight.size(0);
    const at::TensorOptions real = point.numbers.options();
    const at::Tensor value = at::empty({order.n_columns(), n}, real);
    ShapeTensors shapes{at::empty_like(value), at::empty_like(value), piece.ratio.clone(),
                        at::zeros({order.n_processes()}, weight.options())};
    for (std::size_t form = 0; form < std::size(forms); ++form) {
        if (point.by_form[form].empty()) continue;
        const at::Tensor which = at::tensor(point.by_form[form], at::kLong).to(weight.device());
        const at::Tensor log_g = piece.log_g.index_select(0, which).to(point.numbers.scalar_type());
        const Columns columns = forms[form](log_g, point.numbers.index_select(0, which));
        value.index_copy_(0, which, columns.value);
        shapes.gradient.index_copy_(0, which, columns.gradient);
        shapes.curvature.index_copy_(0, which, columns.curvature);
        if (!columns.held.defined()) continue;
        const at::Tensor counts = columns.held.logical_and(weight.ne(0.0)).sum(1).to(at::kDouble);
        shapes.clipped.index_add_(0, order.process.index_select(0, which), counts);
    }
    for_each_process(order, [&](std::int64_t j, std::int64_t first, std::int64_t last) {
        shapes.ratio.select(0, j).mul_(value.slice(0, first, last).to(at::kDouble).prod(0));
    });
    return shapes;
}

/// f64 [a, b], sums over events of the products of rows of two real matrices [a, n] and [b, n].
at::Tensor product_over_events(const at::Tensor& left, const at::Tensor& right) {
    if (left.scalar_type() == at::kDouble) return at::mm(left, right.t());
    const std::int64_t stretches = left.size(1) / EventPiece::stretch;
    const auto cut = [&](const at::Tensor& rows) {
        return rows.view({rows.size(0), stretches, EventPiece::stretch});
    };
    return at::bmm(cut(left).transpose(0, 1), cut(right).permute({1, 2, 0}))
        .sum({0}, false, at::kDouble);
}

/// L, w L' D and -w L'' D^2 of each event, with D held at its floor.
struct Logarithms {
    at::Tensor value;
    at::Tensor inverse;  ///< 1 / D
    at::Tensor gradient;
    at::Tensor curvature;
    at::Tensor below;
};

/// The logarithm of a mixture, continued below the floor as the documentation of Likelihood says.
Logarithms logarithms(const at::Tensor& mixture, const at::Tensor& floor, const at::Tensor& w) {
    const at::Tensor below = mixture.lt(floor);
    const at::Tensor safe = at::where(below, floor, mixture);
    const at::Tensor t = (mixture / floor - 1.0).masked_fill_(below.logical_not(), 0.0);
    const at::Tensor negative = w.lt(0.0);
    const at::Tensor squared = t * t;
    const at::Tensor bounded = (squared + 1.0).masked_fill_(negative.logical_not(), 1.0);
    const at::Tensor slope = at::where(negative, 1.0 - t - squared, 1.0 - t);
    const at::Tensor bend = (6.0 * t - 3.0 * squared - 2.0 * squared * t + 1.0)
                                .masked_fill_(negative.logical_not(), 1.0);
    return {safe.log() + (t - 0.5 * squared) / bounded, safe.reciprocal(),
            w * slope / (bounded * bounded), w * bend / (bounded * bounded * bounded), below};
}

/// Adds second derivatives of one process, off the diagonal the products of its first ones.
/// \param factor real [n]
at::Tensor curvature_of(const at::Tensor& gradient,
                        const at::Tensor& curvature,
                        const at::Tensor& factor) {
    at::Tensor square = product_over_events(gradient * factor, gradient);
    square.diagonal().copy_((curvature * factor).sum({1}, false, at::kDouble));
    return square;
}

/// In the order of SumsDevice::sums(), each f64.
std::vector<at::Tensor> mixture_sums(const EventList& list,
                                     const EventPiece& piece,
                                     const ColumnPoint& point,
                                     const at::Tensor& rates) {
    const ColumnOrder& order = list.order;
    const std::int64_t p = order.n_parameters;
    const std::int64_t s = order.n_processes();
    const c10::ScalarType real = point.numbers.scalar_type();
    const at::Tensor& w = piece.weight;
    const ShapeTensors shapes = shape_tensors(order, piece, point, w);
    const at::Tensor floor = at::mv(piece.ratio.t(), list.yields)
                                 .mul_(list.relative_floor)
                                 .clamp_min_(list.smallest_floor);
    const Logarithms log = logarithms(at::mv(shapes.ratio.t(), rates), floor, w);
    const at::Tensor relative = shapes.ratio * log.inverse;  // T / D
    const at::Tensor factor = relative * log.gradient;       // w L' T

    const at::Tensor column_gradient = at::zeros({order.n_columns()}, w.options());
    const at::Tensor curvature = at::zeros({p, p}, w.options());
    const at::Tensor z = at::zeros({p + s, w.size(0)}, point.numbers.options());
    z.slice(0, p).copy_(relative);
    for_each_process(order, [&](std::int64_t j, std::int64_t first, std::int64_t last) {
        const at::Tensor u = shapes.gradient.slice(0, first, last);
        const at::Tensor v = shapes.curvature.slice(0, first, last);
        const at::Tensor parameters = order.parameter.slice(0, first, last);
        const at::Tensor rate = rates.select(0, j);
        column_gradient.slice(0, first, last)
            .copy_((u * factor.select(0, j).to(real)).sum({1}, false, at::kDouble));
        curvature.index_put_({parameters.unsqueeze(1), parameters},
                             curvature_of(u, v, (factor.select(0, j) * rate).to(real)), true);
        z.index_add_(0, parameters, u * (relative.select(0, j) * rate).to(real));
    });
    return {(w * log.value).sum(),
            log.below.logical_and(w.ne(0.0)).sum().to(at::kDouble),
            shapes.clipped,
            factor.sum(1),
            column_gradient,
            curvature,
            product_over_events(z * log.curvature.to(real), z)};
}

/// In the order of SumsDevice::sums(), each f64.
std::vector<at::Tensor> reference_sums(const EventList& list,
                                       const EventPiece& piece,
                                       const ColumnPoint& point) {
    const ColumnOrder& order = list.order;
    const c10::ScalarType real = point.numbers.scalar_type();
    const at::Tensor& w = piece.reference;
    const ShapeTensors shapes = shape_tensors(order, piece, point, w);
    const at::Tensor factor = shapes.ratio * w;
    const at::Tensor column_gradient = at::zeros({order.n_columns()}, w.options());
    std::vector<at::Tensor> sums{w.sum(), factor.sum(1), column_gradient};
    for_each_process(order, [&](std::int64_t j, std::int64_t first, std::int64_t last) {
        const at::Tensor u = shapes.gradient.slice(0, first, last);
        const at::Tensor of_process = factor.select(0, j).to(real);
        column_gradient.slice(0, first, last).copy_((u * of_process).sum({1}, false, at::kDouble));
        sums.push_back(curvature_of(u, shapes.curvature.slice(0, first, last), of_process));
    });
    return sums;
}

/// What a list without events would give.
std::size_t n_sums(const ColumnOrder& order, bool mixture) {
    const auto p = static_cast<std::size_t>(order.n_parameters);
    const auto s = static_cast<std::size_t>(order.n_processes());
    const auto c = static_cast<std::size_t>(order.n_columns());
    if (mixture) return 2 + 2 * s + c + p * p + (p + s) * (p + s);
    std::size_t n = 1 + s + c;
    for_each_process(order, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        n += static_cast<std::size_t>((last - first) * (last - first));
    });
    return n;
}

void expect(bool holds, const char* what) {
    if (!holds) throw DataError(std::string("events of a likelihood: ") + what);
}

std::vector<std::int64_t> widened(const std::vector<std::uint32_t>& values) {
    return {values.begin(), values.end()};
}

EventList list_of(const HoldEventsRequest& request, const at::TensorOptions& on_device) {
    expect(request.yields.size() == request.n_processes, "yields and processes differ in number");
    expect(request.parameter.size() == request.process.size() &&
               std::ranges::is_sorted(request.process),
           "columns are out of order");
    EventList list;
    list.order.n_parameters = request.n_parameters;
    list.order.first.resize(request.n_processes + 1);
    for (const std::uint32_t process : request.process) {
        expect(process < request.n_processes, "a column of an unknown process");
        list.order.first[process + 1] += 1;
    }
    for (std::size_t j = 0; j < request.n_processes; ++j) {
        list.order.first[j + 1] += list.order.first[j];
    }
    for (const std::uint32_t parameter : request.parameter) {
        expect(parameter < request.n_parameters, "a column of an unknown parameter");
    }
    const at::Device device = on_device.device();
    list.order.process = at::tensor(widened(request.process), at::kLong).to(device);
    list.order.parameter = at::tensor(widened(request.parameter), at::kLong).to(device);
    list.yields = at::tensor(request.yields, at::kDouble).to(device);
    list.relative_floor = request.relative_floor;
    list.smallest_floor = request.smallest_floor;
    return list;
}

/// A copy on the device, with events of weight 0 up to a multiple of stretch.
template <class Number>
at::Tensor padded_copy(const std::vector<Number>& values,
                       at::IntArrayRef shape,
                       const at::Device& device) {
    auto* data = const_cast<Number*>(values.data());  // from_blob wants it; only read
    const at::Tensor host =
        at::from_blob(data, shape, sizeof(Number) == sizeof(double) ? at::kDouble : at::kFloat);
    const std::int64_t n = shape.back();
    const std::int64_t missing =
        (n + EventPiece::stretch - 1) / EventPiece::stretch * EventPiece::stretch - n;
    return at::constant_pad_nd(host, {0, missing}).to(device);
}

}  // namespace

struct HeldEvents::Lists {
    std::map<std::uint32_t, EventList> of_number;
};

HeldEvents::HeldEvents(DeviceKind device) : lists_(std::make_unique<Lists>()), device_(device) {}

HeldEvents::~HeldEvents() = default;

void HeldEvents::hold(const HoldEventsRequest& request) {
    const c10::InferenceMode no_autograd;
    const at::TensorOptions on_device = float_on(device_);
    const auto [found, is_new] = lists_->of_number.try_emplace(request.list);
    if (is_new) found->second = list_of(request, on_device);
    EventList& list = found->second;
    const auto n = static_cast<std::int64_t>(request.weight.size());
    if (n == 0) return;
    const std::int64_t s = list.order.n_processes();
    const std::int64_t c = list.order.n_columns();
    const auto has = [](const auto& values, std::int64_t wanted) {
        return static_cast<std::int64_t>(values.size()) == wanted;
    };
    expect(has(request.reference, n) && has(request.ratio, s * n) && has(request.log_g, 2 * c * n),
           "its columns differ in length");
    const at::Device device = on_device.device();
    list.pieces.push_back({padded_copy(request.weight, {n}, device),
                           padded_copy(request.reference, {n}, device),
                           padded_copy(request.ratio, {s, n}, device),
                           padded_copy(request.log_g, {c, 2, n}, device)});
}

std::vector<double> HeldEvents::sum(const SumEventsRequest& request) const {
    const c10::InferenceMode no_autograd;
    set_threads(std::max(1U, request.threads));
    const auto found = lists_->of_number.find(request.list);
    expect(found != lists_->of_number.end(), "this list is not held");
    const EventList& list = found->second;
    const bool mixture = !request.rates.empty();
    const auto columns = static_cast<std::size_t>(list.order.n_columns()) * column_numbers;
    const auto processes = static_cast<std::size_t>(list.order.n_processes());
    expect(request.columns.size() == columns && (!mixture || request.rates.size() == processes),
           "the point is one of another layout");
    const at::Tensor like = list.yields.to(request.in_double ? at::kDouble : at::kFloat);
    const ColumnPoint point = column_point(request.columns, like);
    const at::Tensor rates = at::tensor(request.rates, at::kDouble).to(list.yields.device());
    at::Tensor total =
        at::zeros({static_cast<std::int64_t>(n_sums(list.order, mixture))}, list.yields.options());
    for (const EventPiece& piece : list.pieces) {
        std::vector<at::Tensor> sums =
            mixture ? mixture_sums(list, piece, point, rates) : reference_sums(list, piece, point);
        for (at::Tensor& sum : sums) sum = sum.reshape({-1});
        total.add_(at::cat(sums));
    }
    const at::Tensor host = total.to(at::kCPU);
    const auto* data = host.const_data_ptr<double>();
    return {data, data + host.numel()};
}

void HeldEvents::forget(std::uint32_t list) { lists_->of_number.erase(list); }

}  // namespace ratiofarm::trainer
