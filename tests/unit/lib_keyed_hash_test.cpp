// The hash of names: the same for the same bytes, another with another key, and spread evenly whatever the names look
// like.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lib/keyed_hash.hpp"

namespace cv6 {
namespace {

KeyedHash::Key random_key(std::mt19937_64& random) { return {random(), random() | 1}; }

TEST(KeyedHash, IsTheSameForTheSameBytesOnly) {
  std::mt19937_64 random(1);
  const KeyedHash::Key key = random_key(random), other = random_key(random);
  std::set<std::uint32_t> seen;
  unsigned same_with_other_key = 0;
  for (std::size_t size = 0; size <= 300; ++size) {
    std::vector<char> bytes(size), copy(size + 1);  // of exactly this size: the sanitizer sees what is read behind them
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::ranges::copy(bytes, copy.begin() + 1);  // aligned otherwise
    const std::uint32_t hash = KeyedHash::of({bytes.data(), size}, key);
    EXPECT_EQ(hash, KeyedHash::of({copy.data() + 1, size}, key)) << size;
    same_with_other_key += hash == KeyedHash::of({bytes.data(), size}, other);
    EXPECT_TRUE(seen.insert(hash).second) << size;
    for (std::size_t changed = 0; changed < size; ++changed) {
      bytes[changed] ^= 1;
      EXPECT_NE(hash, KeyedHash::of({bytes.data(), size}, key)) << changed << " of " << size;
      bytes[changed] ^= 1;
    }
  }
  EXPECT_EQ(same_with_other_key, 0u);
}

TEST(KeyedHash, IsMadeByteByByte) {
  const KeyedHash::Key key{123, 456789};
  KeyedHash hash(key);
  EXPECT_EQ(hash.value(), KeyedHash::of("", key));
  for (const char byte : std::string_view("name")) hash.add(byte);
  EXPECT_EQ(hash.value(), KeyedHash::of("name", key));
}

// Pairs that meet with FNV-1a, of which a program can make as many as it likes.
TEST(KeyedHash, NamesThatMeetWithoutAKeyDoNot) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 1000; ++round) {
    const KeyedHash::Key key = random_key(random);
    EXPECT_NE(KeyedHash::of("costarring", key), KeyedHash::of("liquid", key));
    EXPECT_NE(KeyedHash::of("declinate", key), KeyedHash::of("macallums", key));
  }
}

// Names as programs make them, in a table of as many buckets: chains stay short.
TEST(KeyedHash, SpreadsNamesThatAreAlike) {
  std::mt19937_64 random(3);
  constexpr unsigned count = 1 << 14;
  for (int round = 0; round < 20; ++round) {
    const KeyedHash::Key key = random_key(random);
    std::map<std::uint32_t, unsigned> decimal, binary, padded;
    for (unsigned i = 0; i < count; ++i) {
      ++decimal[KeyedHash::of(std::to_string(i), key) % count];
      const char bytes[] = {static_cast<char>('a' + i % 2), static_cast<char>(i), static_cast<char>(i >> 8)};
      ++binary[KeyedHash::of({bytes, sizeof bytes}, key) % count];
      ++padded[KeyedHash::of(std::to_string(i) + std::string(200, 'x'), key) % count];
    }
    for (const auto* chains : {&decimal, &binary, &padded})
      EXPECT_LT(std::ranges::max_element(*chains, {}, [](const auto& chain) { return chain.second; })->second, 20u);
  }
}

}  // namespace
}  // namespace cv6
