#pragma once

namespace ratiofarm {

/// A number and its derivative along one direction.
struct Dual {
    double value = 0.0;
    double tangent = 0.0;

    Dual& operator+=(Dual b) { return *this = {value + b.value, tangent + b.tangent}; }
    Dual& operator*=(Dual b) {
        return *this = {value * b.value, value * b.tangent + tangent * b.value};
    }
};

inline Dual operator+(Dual a, Dual b) { return a += b; }
inline Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.tangent - b.tangent}; }
inline Dual operator*(Dual a, Dual b) { return a *= b; }
inline Dual operator*(double a, Dual b) { return {a * b.value, a * b.tangent}; }
inline Dual operator/(Dual a, Dual b) {
    const double ratio = a.value / b.value;
    return {ratio, (a.tangent - ratio * b.tangent) / b.value};
}

}  // namespace ratiofarm
