#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

enum class LogisticStatus : std::uint8_t {
  converged,
  max_iterations,       ///< the budget ran out first
  stalled,              ///< no step raises the likelihood, yet the Newton step is not small
  complete_separation,  ///< `direction` tells every event from every other row
  quasi_separation,     ///< `direction` tells some of them apart and is 0 for all others
  unidentified,         ///< the information is singular: see `unidentified`
};

const char* logistic_status_name(LogisticStatus status);

struct LogisticSettings {
  bool firth = false;             ///< adds half the logarithm of the determinant of the information
  std::span<const double> ridge;  ///< by term: r of r b^2 / 2 off the log-likelihood; empty: 0
  std::span<const double> start;  ///< by term; empty: the regression without columns
  std::span<const std::uint8_t> held;  ///< by term: 1 stays where it starts; empty: none does
  std::int64_t max_iterations = 50;
  /// Of the last Newton step, in standard deviations of a column; of a coefficient above 1,
  /// relative.
  double tolerance = 1e-8;
};

/// In terms of standardised columns, the intercept first.
struct LogisticFit {
  LogisticStatus status = LogisticStatus::stalled;
  std::vector<double> beta;          ///< terms
  std::vector<double> covariance;    ///< terms x terms, inverse information of what is not held
  double log_likelihood = 0.0;       ///< without the penalty
  double penalised = 0.0;            ///< with it
  std::int64_t iterations = 0;       ///< over all rows
  double gradient_norm = 0.0;        ///< largest |score| / weight of all rows
  std::vector<double> direction;     ///< terms, of a separation; largest component 1
  std::int64_t separated = 0;        ///< rows that it tells apart
  std::vector<double> unidentified;  ///< terms x terms projection; zero unless `unidentified`
};

/// The intercept without columns and its log-likelihood; (0, that of the offset) if there is none.
struct LogisticNull {
  double intercept = 0.0, log_likelihood = 0.0;
};
LogisticNull logistic_null(const LogisticData& data, const Execution& execution = {});

/// Maximum of the likelihood, penalised or not, by Newton's method with step halving. Large samples
/// start at the maximum over every 16th row, which leaves two passes over all of them, or three.
///
/// Without a penalty, the information where the fit begins, scaled to a unit diagonal, must have no
/// eigenvalue below 1e-11. A linear predictor that has the right sign in every row certifies a
/// complete separation. A step that barely raises the likelihood, yet moves predictors, is
/// projected on what leaves the rows that it does not tell apart where they are; if that is a
/// direction along which no row gets worse and some get better, no finite estimate exists. [Albert
/// & Anderson 1984, Biometrika 71:1-10]
///
/// With Firth's penalty, steps are those of the information and the modified score. [Firth 1993;
/// Heinze & Schemper 2002, Stat. Med. 21:2409-2419] A fit with terms held ends where the likelihood
/// does: it has a value, if no estimate, under separation too.
///
/// O(rows terms^2) an iteration. Same bits for every thread count. Throws InvalidInput where all
/// rows of weight > 0 are of one kind.
LogisticFit fit_logistic(const LogisticData& data, const LogisticSettings& settings,
                         const Execution& execution = {});

}  // namespace tenure::churn
