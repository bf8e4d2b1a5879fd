#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"
#include "tenure/survival/log_lifetime.hpp"

namespace tenure::survival {

/// A fitted law and whom it is asked about: one linear predictor a customer, and the tenure that
/// they have reached (absent: 0), so that every answer is given that they have stayed so long.
struct AftCustomers {
  Lifetime law;
  double sigma, shape;
  std::span<const double> linear_predictor;
  std::optional<std::span<const double>> tenure = {};  ///< finite, >= 0
};

/// P(T > tenure + t | T > tenure), rows x times; t >= 0, else InvalidInput.
std::vector<double> aft_survival(const AftCustomers& customers, std::span<const double> t,
                                 const Execution& execution = {});

/// Hazard at tenure + t, rows x times; t > 0 where tenure is 0.
std::vector<double> aft_hazard(const AftCustomers& customers, std::span<const double> t,
                               const Execution& execution = {});

/// The time from the tenure on by which a share p has left, rows x shares; p in (0, 1).
std::vector<double> aft_quantile(const AftCustomers& customers, std::span<const double> p,
                                 const Execution& execution = {});

/// E[min(T - tenure, u) | T > tenure], rows x horizons; u finite, >= 0. By Gauss-Legendre rules
/// on panels that halve towards 0: error below 1e-9 u while the law's scale is above 0.05.
std::vector<double> aft_restricted_mean(const AftCustomers& customers, std::span<const double> u,
                                        const Execution& execution = {});

}  // namespace tenure::survival
