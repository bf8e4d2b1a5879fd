#pragma once
#include <vector>

#include "tenure/clv/repeat_purchases.hpp"

namespace tenure::clv {

/// Points to begin a search of the maximum of a Pareto/NBD likelihood at: logarithms of r, alpha, s
/// and beta in scaled time. Each stands for somewhat more purchases than were seen.
std::vector<std::vector<double>> pareto_nbd_starts(const PurchaseSample& sample);

}  // namespace tenure::clv
