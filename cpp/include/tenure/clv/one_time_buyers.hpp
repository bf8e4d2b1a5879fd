#pragma once
#include <cstdint>

namespace tenure::clv {

/// Whether somebody without a repeat purchase has had a chance to leave: all that the models called
/// M... and those without differ in.
enum class OneTimeBuyers : std::uint8_t { stay, may_leave };

}  // namespace tenure::clv
