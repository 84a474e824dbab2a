// The random number generator: ChaCha20 (RFC 8439) with fast key erasure: every refill makes a new key from its own first
// bytes, and what was given out is forgotten, so that nobody can compute back. One for each processor, without locks.
#include <bit>
#include <cstring>
#include <span>

#include "arch/clock.hpp"
#include "arch/cpu.hpp"
#include "fs/device.hpp"
#include "fs/random.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace {

struct Generator {
  static constexpr std::size_t blocks = 4;
  bool seeded = false;
  std::uint32_t key[8] = {};
  std::uint32_t output[16 * blocks] = {};
  std::size_t next = sizeof output;  // first byte not given out yet

  void seed();
  void refill();
  void give(std::span<std::byte> to);
};
constinit PerCpu<Generator> generators;

void quarter_round(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c, std::uint32_t& d) {
  a += b, d = std::rotl(d ^ a, 16);
  c += d, b = std::rotl(b ^ c, 12);
  a += b, d = std::rotl(d ^ a, 8);
  c += d, b = std::rotl(b ^ c, 7);
}

}  // namespace

void chacha20_block(const std::uint32_t key[8], std::uint32_t counter, const std::uint32_t nonce[3],
                    std::uint32_t out[16]) {
  const std::uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0],  key[1],   key[2],   key[3],
                                   key[4],     key[5],     key[6],     key[7],     counter, nonce[0], nonce[1], nonce[2]};
  std::memcpy(out, start, sizeof start);
  for (int i = 0; i < 10; ++i) {
    for (int column = 0; column < 4; ++column)
      quarter_round(out[column], out[column + 4], out[column + 8], out[column + 12]);
    for (int diagonal = 0; diagonal < 4; ++diagonal)
      quarter_round(out[diagonal], out[4 + (diagonal + 1) % 4], out[8 + (diagonal + 2) % 4], out[12 + (diagonal + 3) % 4]);
  }
  for (int i = 0; i < 16; ++i) out[i] += start[i];
}

namespace {

void Generator::seed() {
  for (int i = 0; i < 8; i += 2) {
    const std::uint64_t bits = arch::entropy() ^ arch::cycles();
    key[i] ^= static_cast<std::uint32_t>(bits);
    key[i + 1] ^= static_cast<std::uint32_t>(bits >> 32);
  }
  seeded = true;
}

void Generator::refill() {
  if (!seeded) seed();
  // Should two processors begin with one key, they still differ by their number.
  const std::uint32_t nonce[3] = {arch::cpu_index(), 0, 0};
  for (std::size_t i = 0; i < blocks; ++i) chacha20_block(key, static_cast<std::uint32_t>(i), nonce, output + 16 * i);
  std::memcpy(key, output, sizeof key);
  std::memset(output, 0, sizeof key);
  next = sizeof key;
}

void Generator::give(std::span<std::byte> to) {
  while (!to.empty()) {
    if (next == sizeof output) refill();
    const std::size_t size = to.size() < sizeof output - next ? to.size() : sizeof output - next;
    std::byte* from = reinterpret_cast<std::byte*>(output) + next;
    std::memcpy(to.data(), from, size);
    std::memset(from, 0, size);
    next += size;
    to = to.subspan(size);
  }
}

}  // namespace

void random_bytes(std::span<std::byte> to) { generators.here().give(to); }

std::uint64_t random_number() {
  std::uint64_t number;
  random_bytes(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

void stir_random(std::span<const std::byte> with) {
  Generator& generator = generators.here();
  if (!generator.seeded) generator.seed();
  auto* key = reinterpret_cast<std::byte*>(generator.key);
  for (std::size_t i = 0; i < with.size(); ++i) key[i % sizeof generator.key] ^= with[i];
  generator.refill();
}

}  // namespace cv6
