#pragma once

namespace tenure::clv {

/// (1 - exp(-z)) / z, 1 at 0.
double shrink(double z);

/// log of the integral over t in (0, horizon] of exp(-rate t) (1 + t/b)^-s, over b: what is left of
/// the time of somebody who leaves at a rate with that tail. Relative error of the integral about
/// 1e-13. The horizon may be infinite where rate > 0, or rate = 0 and s > 1.
double log_time_left(double b, double s, double horizon, double rate);

}  // namespace tenure::clv
