// The random number generator's inside, for /dev/random and for tests. What everybody uses is in fs/device.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cv6 {

// RFC 8439, section 2.3.
void chacha20_block(const std::uint32_t key[8], std::uint32_t counter, const std::uint32_t nonce[3],
                    std::uint32_t out[16]);
// Mixes bytes into the generator: they add, and never take away, what an attacker does not know.
void stir_random(std::span<const std::byte> with);

}  // namespace cv6
