#include "tenure/segment/latent_class.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "latent_class_steps.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

void require_valid(const AnswerPatterns& p) {
  const std::int64_t items = p.items();
  if (p.rows < 1 || items < 1 || std::ssize(p.code) != p.rows * items ||
      std::ssize(p.weight) != p.rows || p.terms < 1 || std::ssize(p.design) != p.rows * p.terms)
    throw InvalidInput("X", -1, static_cast<double>(p.rows),
                       "of at least one row and one item, with a weight for each row");
  for (std::int64_t i = 0; i < std::ssize(p.code); ++i)
    if (const std::int64_t code = p.code[index(i)]; code < -1 || code >= p.levels[index(i % items)])
      throw InvalidInput("X", i / items, static_cast<double>(code), "codes of the levels");
  double total = 0.0;
  for (std::int64_t i = 0; i < p.rows; ++i) {
    const double w = p.weight[index(i)];
    if (!(w >= 0.0) || !std::isfinite(w))
      throw InvalidInput("sample_weight", i, w, "finite and >= 0");
    total += w;
  }
  if (!(total > 0.0) || !std::isfinite(total))
    throw InvalidInput("sample_weight", -1, total, "of a finite total above 0");
  for (std::int64_t i = 0; i < std::ssize(p.design); ++i)
    if (const double z = p.design[index(i)]; !(std::abs(z) < 1e100))
      throw InvalidInput("covariates", i / p.terms, z, "finite");
}

/// Answers drawn from the flat distribution over each item's probabilities.
ClassPoint draw_start(const ClassProblem& p, std::uint64_t seed, std::uint64_t start) {
  const std::int64_t k = p.classes;
  RandomStream random(seed, start);
  ClassPoint at{std::vector<double>(index(k * p.patterns.terms),
                                    p.patterns.terms == 1 ? 1.0 / static_cast<double>(k) : 0.0),
                std::vector<double>(index(k * p.levels))};
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t j = 0; j < p.patterns.items(); ++j) {
      double sum = 0.0;
      const auto cell = [&](std::int64_t l) -> double& {
        return at.answer[index((p.offset[index(j)] + l) * k + c)];
      };
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l)
        sum += cell(l) = random.exponential();
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l) cell(l) /= sum;
    }
  return at;
}

double farthest(const ClassPoint& a, const ClassPoint& b) {
  double most = 0.0;
  for (std::size_t i = 0; i < a.prior.size(); ++i)
    most = std::max(most, std::abs(a.prior[i] - b.prior[i]));
  for (std::size_t i = 0; i < a.answer.size(); ++i)
    most = std::max(most, std::abs(a.answer[i] - b.answer[i]));
  return most;
}

/// The point that two EM steps point at. [Varadhan & Roland 2008, scheme S3] Probabilities stay
/// above a hundredth of what the second step made them, and are scaled to a sum of 1.
ClassPoint extrapolated(const ClassProblem& p, const ClassPoint& zero, const ClassPoint& one,
                        const ClassPoint& two) {
  double rr = 0.0, vv = 0.0;
  const auto add = [&](const std::vector<double>& a, const std::vector<double>& b,
                       const std::vector<double>& c) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double r = b[i] - a[i], v = (c[i] - b[i]) - r;
      rr += r * r;
      vv += v * v;
    }
  };
  add(zero.prior, one.prior, two.prior);
  add(zero.answer, one.answer, two.answer);
  const double alpha = vv > 0.0 ? -std::max(1.0, std::sqrt(rr / vv)) : -1.0;
  ClassPoint out = two;
  const auto go = [&](const std::vector<double>& a, const std::vector<double>& b,
                      const std::vector<double>& c, std::vector<double>& to) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double r = b[i] - a[i], v = (c[i] - b[i]) - r;
      to[i] = a[i] - 2.0 * alpha * r + alpha * alpha * v;
    }
  };
  go(zero.prior, one.prior, two.prior, out.prior);
  go(zero.answer, one.answer, two.answer, out.answer);

  const std::int64_t k = p.classes;
  const auto scaled = [](std::vector<double>& to, const std::vector<double>& least,
                         std::int64_t first, std::int64_t count, std::int64_t stride) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::size_t at = index(first + i * stride);
      sum += to[at] = std::max(to[at], 0.01 * least[at]);
    }
    for (std::int64_t i = 0; i < count; ++i) to[index(first + i * stride)] /= sum;
  };
  if (p.patterns.terms == 1) scaled(out.prior, two.prior, 0, k, 1);
  for (std::int64_t j = 0; j < p.patterns.items(); ++j)
    for (std::int64_t c = 0; c < k; ++c)
      scaled(out.answer, two.answer, p.offset[index(j)] * k + c, p.patterns.levels[index(j)], k);
  return out;
}

struct EmEnd {
  ClassPoint at;
  double log_likelihood = 0.0;
  std::int64_t steps = 0;
  bool ended = false;
};

/// Cycles of two EM steps, an extrapolation and a third step, until a plain step moves nothing.
EmEnd em(const ClassProblem& p, ClassPoint at, const LatentClassSettings& settings) {
  EmEnd end;
  ClassPoint one, two, next;
  for (std::int64_t cycle = 0; cycle < settings.max_iterations && !end.ended; ++cycle) {
    em_step(p, at, one);
    end.log_likelihood = em_step(p, one, two);
    end.steps += 2;
    end.ended = farthest(one, two) <= settings.tolerance;
    if (end.ended) {
      at = std::move(two);
      break;
    }
    const ClassPoint far = extrapolated(p, at, one, two);
    const double there = em_step(p, far, next);
    ++end.steps;
    at = there >= end.log_likelihood ? std::move(next) : std::move(two);
  }
  end.log_likelihood = expect(p, at, nullptr).log_likelihood;
  end.at = std::move(at);
  return end;
}

/// Sets probabilities that less than a hundredth of a row stands for to 0 where the likelihood does
/// not fall: near a maximum on the boundary it rises, near one inside it falls.
void settle_boundary(const ClassProblem& p, ClassPoint& at) {
  const std::int64_t k = p.classes;
  const ClassCounts counts = expect(p, at, nullptr);
  double best = counts.log_likelihood;
  for (std::int64_t j = 0; j < p.patterns.items(); ++j)
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l) {
        const std::int64_t cell = (p.offset[index(j)] + l) * k + c;
        const double old = at.answer[index(cell)];
        if (!(old > 0.0) || counts.answer[index(cell)] > 0.01 || old > 0.01) continue;
        ClassPoint tried = at;
        tried.answer[index(cell)] = 0.0;
        for (std::int64_t m = 0; m < p.patterns.levels[index(j)]; ++m)
          tried.answer[index((p.offset[index(j)] + m) * k + c)] /= 1.0 - old;
        const double now = expect(p, tried, nullptr).log_likelihood;
        if (now < best) continue;
        best = now;
        at = std::move(tried);
      }
}

/// Classes by falling share.
ClassPoint sorted(const ClassProblem& p, const ClassPoint& at) {
  const std::int64_t k = p.classes;
  const std::vector<double> share = expect(p, at, nullptr).weight;
  std::vector<std::int64_t> order(index(k));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(
      order, [&](std::int64_t a, std::int64_t b) { return share[index(a)] > share[index(b)]; });
  ClassPoint out = at;
  const auto moved = [&](const std::vector<double>& from, std::vector<double>& to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t row = i / index(k) * index(k);
      to[i] = from[row + index(order[i % index(k)])];
    }
  };
  moved(at.prior, out.prior);
  moved(at.answer, out.answer);
  if (p.patterns.terms > 1)
    for (std::int64_t t = 0; t < p.patterns.terms; ++t) {
      const double reference = out.prior[index(t * k)];
      for (std::int64_t c = 0; c < k; ++c) out.prior[index(t * k + c)] -= reference;
    }
  return out;
}

}  // namespace

const char* latent_class_status_name(LatentClassStatus status) {
  switch (status) {
    case LatentClassStatus::converged:
      return "converged";
    case LatentClassStatus::max_iterations:
      return "max_iterations";
    case LatentClassStatus::unidentified:
      return "unidentified";
  }
  return "";
}

LatentClassFit latent_class(const AnswerPatterns& patterns, const LatentClassSettings& settings,
                            const Execution& execution) {
  require_valid(patterns);
  if (settings.classes < 1)
    throw InvalidInput("n_classes", -1, static_cast<double>(settings.classes), "at least 1");
  if (settings.starts < 1)
    throw InvalidInput("n_init", -1, static_cast<double>(settings.starts), "at least 1");
  if (settings.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(settings.max_iterations), "at least 1");
  if (!(settings.tolerance > 0.0)) throw InvalidInput("tol", -1, settings.tolerance, "above 0");

  // Few patterns: starts side by side. Many: rows side by side, one start after the other.
  const bool few = patterns.rows <= kBlockRows;
  const Execution outer{few ? execution.threads : 1, execution.interrupt};
  const Execution inner{few ? 1 : execution.threads, execution.interrupt};
  const ClassProblem problem(patterns, settings.classes, inner);
  std::vector<EmEnd> ends(index(settings.starts));
  for_each_task(settings.starts, outer, [&](std::int64_t s) {
    ends[index(s)] =
        em(problem, draw_start(problem, settings.seed, static_cast<std::uint64_t>(s)), settings);
  });
  LatentClassFit fit;
  const EmEnd* best = &ends.front();
  for (const EmEnd& end : ends) {
    fit.by_start.push_back(end.log_likelihood);
    if (end.log_likelihood > best->log_likelihood) best = &end;
  }
  fit.iterations = best->steps;
  ClassPoint at = sorted(problem, best->at);
  settle_boundary(problem, at);
  finish(problem, as_parameters(problem, at), best->ended, fit);
  return fit;
}

ClassPosterior class_posterior(const AnswerPatterns& patterns, const ClassParameters& at,
                               const Execution& execution) {
  require_valid(patterns);
  const std::int64_t classes = std::ssize(at.beta) / patterns.terms + 1;
  const ClassProblem problem(patterns, classes, execution);
  if (std::ssize(at.answer) != classes * problem.levels)
    throw InvalidInput("X", -1, static_cast<double>(problem.levels), "of the levels of the fit");
  ClassPosterior out{Buffer<double>(patterns.rows * classes), 0.0};
  out.log_likelihood =
      expect(problem, as_point(problem, at), out.probability.data()).log_likelihood;
  return out;
}

}  // namespace tenure::segment
