#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cox_lanes.hpp"
#include "elastic_model.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// How many points are looked at together.
inline constexpr std::size_t kPoints = static_cast<std::size_t>(kLanes);

/// The smooth part of a penalised regression, a unit of weight.
struct SmoothLoss {
  std::size_t terms = 0;
  double unit = 1.0;  ///< one over the weight of all rows
  /// Loss and gradient at up to `kPoints` points, read in one pass over the rows.
  std::function<std::vector<ElasticPoint>(const std::vector<std::vector<double>>& at)> look;
  /// The same at one point, with the Hessian, terms x terms.
  std::function<ElasticPoint(const std::vector<double>& at, std::vector<double>& hessian)> curve;
  /// The loss of some of the terms, all others 0.
  std::function<SmoothLoss(const std::vector<std::size_t>& terms)> of;
};

/// The looks of a likelihood that has lanes: `evaluate` takes terms x 8 coefficients.
std::vector<ElasticPoint> look_in_lanes(
    const std::vector<std::vector<double>>& at, double unit,
    const std::function<LaneValues(std::span<const double>)>& evaluate);

/// The end of one penalty.
struct ElasticStop {
  ElasticPoint at;
  bool converged = false;
};

/// A quadratic model of the loss at a point is minimised with the penalty by coordinate descent,
/// which costs O(p^2) a sweep and reads no row. The model puts the next penalties of the path, up
/// to eight of them, where it has their minima; loss and gradient are then read at all of these
/// points in one pass over the rows, which costs little more than for one. The model's Hessian
/// begins as the loss's and learns from each step taken (BFGS). A penalty is done when the step
/// from its own point is small, and that step is taken by the model alone; else it is looked at
/// again with the next ones. Where the objective does not fall, one penalty is followed alone, with
/// a new Hessian and eight lengths of each step.
class ElasticWalk {
 public:
  ElasticWalk(SmoothLoss loss, ElasticPenalty penalty, std::vector<double> start, double tolerance,
              std::int64_t max_looks, const Execution& execution);
  ElasticWalk(const ElasticWalk&) = delete;

  const ElasticPoint& here() const { return anchor_; }
  std::int64_t looks() const { return looks_; }

  /// Minima for penalties that go down, each from the one before.
  std::vector<ElasticStop> follow(std::span<const double> penalties);

 private:
  struct Pending;

  std::vector<ElasticPoint> look(const std::vector<std::vector<double>>& at);
  void renew();
  void predict(std::vector<Pending>& pending, std::size_t& next, std::size_t width);
  std::size_t round(std::vector<Pending>& pending);
  bool done(double size, double last) const;
  void rescue(const Pending& one);
  bool advance(double penalty, const std::vector<double>& to);
  double objective(double penalty, const ElasticPoint& at) const {
    return at.loss + penalty_.at(penalty, at.beta);
  }

  SmoothLoss loss_;
  ElasticPenalty penalty_;
  double tolerance_;
  std::int64_t max_looks_;
  const Execution& execution_;
  ElasticModel model_;
  ElasticPoint anchor_;  ///< read last from the rows
  std::int64_t looks_ = 0;
  std::span<const double> penalties_;
  std::vector<ElasticStop> out_;
  std::vector<std::uint8_t> settled_;
};

}  // namespace tenure::churn::detail
