#include "latent_class_steps.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment::detail {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

constexpr std::int64_t kPolledRows = 512;

/// exp(eta) / sum exp(eta), in place.
void softmax(double* eta, std::int64_t k) {
  const double most = *std::max_element(eta, eta + k);
  double sum = 0.0;
  for (std::int64_t c = 0; c < k; ++c) sum += eta[c] = std::exp(eta[c] - most);
  for (std::int64_t c = 0; c < k; ++c) eta[c] /= sum;
}

void predict(const ClassProblem& p, const double* beta, const double* z, double* out) {
  std::fill_n(out, p.classes, 0.0);
  for (std::int64_t t = 0; t < p.patterns.terms; ++t)
    for (std::int64_t c = 1; c < p.classes; ++c) out[c] += z[t] * beta[t * p.classes + c];
}

/// sum of weight x posterior x log prior, its score and information about the coefficients.
struct Logit {
  double value = 0.0;
  Eigen::VectorXd score;
  Eigen::MatrixXd information;

  explicit Logit(std::int64_t n)
      : score(Eigen::VectorXd::Zero(n)), information(Eigen::MatrixXd::Zero(n, n)) {}
  Logit& operator+=(const Logit& o) {
    value += o.value;
    score += o.score;
    information += o.information;
    return *this;
  }
};

Logit logit_at(const ClassProblem& p, const double* beta, const double* posterior, bool all) {
  const std::int64_t k = p.classes, terms = p.patterns.terms, n = all ? (k - 1) * terms : 0;
  return block_reduce(
      p.patterns.rows, p.execution, Logit(n), [&](std::int64_t first, std::int64_t last) {
        Logit of(n);
        std::vector<double> prior(index(k));
        for (std::int64_t i = first; i < last; ++i) {
          if (i % kPolledRows == 0) p.execution.poll();
          const double* const z = p.design(i);
          const double* const q = posterior + i * k;
          const double w = p.weight(i);
          predict(p, beta, z, prior.data());
          const double most = *std::max_element(prior.begin(), prior.end());
          double sum = 0.0, mean = 0.0;
          for (std::int64_t c = 0; c < k; ++c) {
            sum += std::exp(prior[index(c)] - most);
            mean += q[c] * (prior[index(c)] - most);
          }
          of.value += w * (mean - std::log(sum));
          if (!all) continue;
          softmax(prior.data(), k);
          for (std::int64_t a = 1; a < k; ++a)
            for (std::int64_t s = 0; s < terms; ++s) {
              const std::int64_t row = (a - 1) * terms + s;
              of.score[row] += w * (q[a] - prior[index(a)]) * z[s];
              for (std::int64_t b = 1; b <= a; ++b) {
                const double v =
                    w * z[s] * prior[index(a)] * ((a == b ? 1.0 : 0.0) - prior[index(b)]);
                for (std::int64_t t = 0; t < terms; ++t)
                  of.information(row, (b - 1) * terms + t) += v * z[t];
              }
            }
        }
        return of;
      });
}

/// One Newton step of the multinomial logit of the posteriors, halved until it does not go down.
void renew_coefficients(const ClassProblem& p, const double* posterior, std::vector<double>& beta) {
  const std::int64_t k = p.classes, terms = p.patterns.terms;
  const Logit here = logit_at(p, beta.data(), posterior, true);
  // A hair on the diagonal: a class that nobody is in leaves directions without information.
  Eigen::MatrixXd matrix = here.information;
  matrix.diagonal().array() += 1e-12 * (1.0 + matrix.diagonal().maxCoeff());
  Eigen::VectorXd step = matrix.selfadjointView<Eigen::Lower>().ldlt().solve(here.score);
  if (!step.allFinite()) return;
  const double longest = step.cwiseAbs().maxCoeff();
  if (longest > 3.0) step *= 3.0 / longest;
  std::vector<double> next(beta);
  for (int halving = 0; halving < 20; ++halving, step *= 0.5) {
    for (std::int64_t c = 1; c < k; ++c)
      for (std::int64_t t = 0; t < terms; ++t)
        next[index(t * k + c)] = beta[index(t * k + c)] + step[(c - 1) * terms + t];
    if (logit_at(p, next.data(), posterior, false).value >= here.value) {
      beta = std::move(next);
      return;
    }
  }
}

}  // namespace

ClassProblem::ClassProblem(const AnswerPatterns& of, std::int64_t of_classes, const Execution& how)
    : patterns(of), classes(of_classes), execution(how) {
  for (const std::int64_t l : of.levels) {
    offset.push_back(levels);
    levels += l;
  }
  for (const double w : of.weight) total_weight += w;
}

ClassCounts& ClassCounts::operator+=(const ClassCounts& o) {
  log_likelihood += o.log_likelihood;
  entropy += o.entropy;
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] += o.weight[i];
  for (std::size_t i = 0; i < answer.size(); ++i) answer[i] += o.answer[i];
  return *this;
}

Posterior::Posterior(const ClassProblem& problem, const ClassPoint& at)
    : p_(problem), at_(at), log_answer_(index((problem.levels + 1) * problem.classes)) {
  for (std::size_t i = 0; i < at.answer.size(); ++i) log_answer_[i] = std::log(at.answer[i]);
}

double Posterior::operator()(std::int64_t row, double* prior, double* posterior) const {
  const std::int64_t k = p_.classes;
  if (p_.patterns.terms == 1)
    std::copy_n(at_.prior.data(), k, prior);
  else {
    predict(p_, at_.prior.data(), p_.design(row), prior);
    softmax(prior, k);
  }
  for (std::int64_t c = 0; c < k; ++c) posterior[c] = std::log(prior[c]);
  const std::int32_t* const code = p_.code(row);
  for (std::int64_t j = 0; j < p_.patterns.items(); ++j) {
    const std::int64_t level = code[j] < 0 ? p_.levels : p_.offset[index(j)] + code[j];
    const double* const log_answer = log_answer_.data() + level * k;
    for (std::int64_t c = 0; c < k; ++c) posterior[c] += log_answer[c];
  }
  const double most = *std::max_element(posterior, posterior + k);
  if (!(most > -std::numeric_limits<double>::infinity())) {
    std::copy_n(prior, k, posterior);
    return most;
  }
  double sum = 0.0;
  for (std::int64_t c = 0; c < k; ++c) sum += posterior[c] = std::exp(posterior[c] - most);
  for (std::int64_t c = 0; c < k; ++c) posterior[c] /= sum;
  return most + std::log(sum);
}

ClassCounts expect(const ClassProblem& p, const ClassPoint& at, double* keep) {
  const std::int64_t k = p.classes;
  const ClassCounts none{0.0, 0.0, std::vector<double>(index(k)),
                         std::vector<double>(index(p.levels * k))};
  const Posterior of(p, at);
  return block_reduce(
      p.patterns.rows, p.execution, none, [&](std::int64_t first, std::int64_t last) {
        ClassCounts counts = none;
        std::vector<double> prior(index(k)), own(index(k));
        for (std::int64_t i = first; i < last; ++i) {
          if (i % kPolledRows == 0) p.execution.poll();
          double* const posterior = keep ? keep + i * k : own.data();
          const double w = p.weight(i);
          const double log_likelihood = of(i, prior.data(), posterior);
          if (!(w > 0.0)) continue;
          counts.log_likelihood += w * log_likelihood;
          const std::int32_t* const code = p.code(i);
          for (std::int64_t c = 0; c < k; ++c) {
            counts.weight[index(c)] += w * posterior[c];
            if (posterior[c] > 0.0) counts.entropy -= w * posterior[c] * std::log(posterior[c]);
          }
          for (std::int64_t j = 0; j < p.patterns.items(); ++j) {
            if (code[j] < 0) continue;
            double* const answer = counts.answer.data() + (p.offset[index(j)] + code[j]) * k;
            for (std::int64_t c = 0; c < k; ++c) answer[c] += w * posterior[c];
          }
        }
        return counts;
      });
}

double em_step(const ClassProblem& p, const ClassPoint& at, ClassPoint& next) {
  const std::int64_t k = p.classes;
  const bool covariates = p.patterns.terms > 1;
  Buffer<double> posterior(covariates ? p.patterns.rows * k : 0);
  const ClassCounts counts = expect(p, at, covariates ? posterior.data() : nullptr);
  next = at;
  if (covariates)
    renew_coefficients(p, posterior.data(), next.prior);
  else
    for (std::int64_t c = 0; c < k; ++c)
      next.prior[index(c)] = counts.weight[index(c)] / p.total_weight;
  for (std::int64_t j = 0; j < p.patterns.items(); ++j)
    for (std::int64_t c = 0; c < k; ++c) {
      double sum = 0.0;
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l)
        sum += counts.answer[index((p.offset[index(j)] + l) * k + c)];
      if (!(sum > 0.0)) continue;  // a class that nobody is in keeps its answers
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l) {
        const std::size_t cell = index((p.offset[index(j)] + l) * k + c);
        next.answer[cell] = counts.answer[cell] / sum;
      }
    }
  return counts.log_likelihood;
}

ClassParameters as_parameters(const ClassProblem& p, const ClassPoint& at) {
  const std::int64_t k = p.classes, terms = p.patterns.terms;
  ClassParameters out{std::vector<double>(index((k - 1) * terms)),
                      std::vector<double>(index(k * p.levels))};
  // A class that nobody is left in stays finite, and without information.
  const auto log_share = [&](std::int64_t c) {
    return std::log(std::max(at.prior[index(c)], 1e-300));
  };
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t l = 0; l < p.levels; ++l)
      out.answer[index(c * p.levels + l)] = at.answer[index(l * k + c)];
  for (std::int64_t c = 1; c < k; ++c)
    for (std::int64_t t = 0; t < terms; ++t)
      out.beta[index((c - 1) * terms + t)] =
          terms == 1 ? log_share(c) - log_share(0) : at.prior[index(t * k + c)];
  return out;
}

ClassPoint as_point(const ClassProblem& p, const ClassParameters& at) {
  const std::int64_t k = p.classes, terms = p.patterns.terms;
  ClassPoint out{std::vector<double>(index(k * terms)), std::vector<double>(index(k * p.levels))};
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t l = 0; l < p.levels; ++l)
      out.answer[index(l * k + c)] = at.answer[index(c * p.levels + l)];
  for (std::int64_t c = 1; c < k; ++c)
    for (std::int64_t t = 0; t < terms; ++t)
      out.prior[index(t * k + c)] = at.beta[index((c - 1) * terms + t)];
  if (terms == 1) softmax(out.prior.data(), k);
  return out;
}

}  // namespace tenure::segment::detail
