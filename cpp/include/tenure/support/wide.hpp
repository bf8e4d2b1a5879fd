#pragma once

namespace tenure {

/// For the upper half of a product of two 64-bit numbers; both supported compilers have it.
__extension__ typedef unsigned __int128 uint128;

}  // namespace tenure
