#pragma once

namespace ratiofarm {

/// A function at one place with its first two derivatives.
struct Knot {
    double x = 0.0;
    double value = 0.0;
    double gradient = 0.0;
    double curvature = 0.0;
};

/// The polynomial of fifth order through two knots; its error falls with the sixth power of their
/// distance.
class Quintic {
public:
    Quintic(const Knot& left, const Knot& right) : left_(left), right_(right) {}

    double at(double x) const {
        const double h = right_.x - left_.x;
        const double s = (x - left_.x) / h;
        const double r = 1.0 - s;
        const double from_left =
            r * r * r *
            (left_.value * (1.0 + 3.0 * s + 6.0 * s * s) +
             h * left_.gradient * s * (1.0 + 3.0 * s) + 0.5 * h * h * left_.curvature * s * s);
        const double from_right =
            s * s * s *
            (right_.value * (1.0 + 3.0 * r + 6.0 * r * r) -
             h * right_.gradient * r * (1.0 + 3.0 * r) + 0.5 * h * h * right_.curvature * r * r);
        return from_left + from_right;
    }

private:
    Knot left_;
    Knot right_;
};

/// The cubic through two places with its gradients there.
struct Cubic {
    double x0, y0, gradient0;
    double x1, y1, gradient1;

    double at(double x) const {
        const double h = x1 - x0;
        const double s = (x - x0) / h;
        const double chord = (y1 - y0) / h;
        return y0 + h * s *
                        (gradient0 + s * (3.0 * chord - 2.0 * gradient0 - gradient1 +
                                          s * (gradient0 + gradient1 - 2.0 * chord)));
    }
};

}  // namespace ratiofarm
