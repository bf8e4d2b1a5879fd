#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/logistic_data.hpp"

namespace tenure::churn {

/// How much a pass over the rows finds out; each step includes those before it.
enum class LogisticPass : std::uint8_t { value, score, information };

/// The regression at one point, in terms of standardised columns.
///
///     log_likelihood = - sum_i w_i log(1 + exp(-s_i eta_i)),  s_i = 1 for an event, else -1
///     score          = sum_i w_i (y_i - mu_i) z_i
///     information    = sum_i w_i mu_i (1 - mu_i) z_i z_i'
struct LogisticPoint {
  double log_likelihood = 0.0;
  std::vector<double> score;        ///< terms
  std::vector<double> information;  ///< terms x terms
  /// Least s_i z_i'beta, the offset left out: where it is > 0, beta separates events from others.
  double least_margin = 0.0;
};

/// One fused pass over the rows. They go through tiles that fit the cache: standardise,
/// predict, the tile's terms, score and triangular product. O(rows terms^2) with the information,
/// bound by memory up to about 20 columns; else O(rows terms). Same bits for every thread count.
LogisticPoint logistic_at(const LogisticData& data, std::span<const double> beta, LogisticPass pass,
                          const Execution& execution);

/// The score that Firth's penalty adds: sum_i h_i (1/2 - mu_i) z_i, h the diagonal of
/// W^1/2 Z I^-1 Z' W^1/2. [Firth 1993, Biometrika 80:27-38; Heinze & Schemper 2002, eq. 2]
/// `inverse`: terms x terms, of the information at beta. O(rows terms^2).
std::vector<double> logistic_firth_score(const LogisticData& data, std::span<const double> beta,
                                         std::span<const double> inverse,
                                         const Execution& execution);

/// sum_c u_c u_c' of the clusters' scores u_c = sum of w_i (y_i - mu_i) z_i over its rows; each row
/// a cluster where `cluster` is empty. Codes: 0 to clusters - 1. [White 1982, Econometrica 50:1-25]
/// O(rows terms) and clusters x terms doubles; O(rows terms^2) without clusters.
std::vector<double> logistic_score_products(const LogisticData& data, std::span<const double> beta,
                                            std::span<const std::int32_t> cluster,
                                            std::int64_t clusters, const Execution& execution);

/// Sums of s_i z_i'direction by which a direction is judged to separate events from others.
struct LogisticMargins {
  double least = 0.0, most = 0.0;
  std::int64_t above = 0;          ///< rows above the threshold
  std::vector<double> gram_below;  ///< terms x terms: sum z_i z_i' over the others
  std::int64_t below = 0;
};
LogisticMargins logistic_margins(const LogisticData& data, std::span<const double> direction,
                                 double threshold, const Execution& execution);

}  // namespace tenure::churn
