// The tree against std::multimap, and its summaries against what they summarise.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "lib/tree.hpp"

namespace cv6 {
namespace {

struct Item {
  int key = 0;
  unsigned weight = 0;
  unsigned heaviest = 0;  // of the subtree
  TreeNode node;
};
struct ByKey {
  int operator()(const Item& item) const { return item.key; }
};
struct Heaviest {
  static void update(Item& item, const Item* left, const Item* right) {
    item.heaviest = std::max({item.weight, left ? left->heaviest : 0, right ? right->heaviest : 0});
  }
};
using Items = Tree<Item, &Item::node, ByKey, Heaviest>;

unsigned check_summary(const Item* at) {
  if (!at) return 0;
  const unsigned expected = std::max({at->weight, check_summary(Items::child(*at, Items::Side::left)),
                                      check_summary(Items::child(*at, Items::Side::right))});
  EXPECT_EQ(at->heaviest, expected);
  return expected;
}

TEST(Tree, RandomOperationsAgainstAMap) {
  std::mt19937 random(1);
  std::vector<std::unique_ptr<Item>> all;
  for (int i = 0; i < 300; ++i) all.push_back(std::make_unique<Item>());
  Items tree;
  std::multimap<int, Item*> model;
  for (int step = 0; step < 30000; ++step) {
    Item& item = *all[random() % all.size()];
    if (!item.node.linked()) {
      item.key = static_cast<int>(random() % 500);
      item.weight = random() % 1000;
      tree.insert(item);
      model.emplace(item.key, &item);
    } else if (random() % 3 == 0) {
      item.weight = random() % 1000;
      tree.refresh(item);
    } else {
      tree.remove(item);
      for (auto at = model.lower_bound(item.key);; ++at)
        if (at->second == &item) {
          model.erase(at);
          break;
        }
    }
    ASSERT_EQ(tree.size(), model.size());
    const int key = static_cast<int>(random() % 520) - 10;
    const auto lower = model.lower_bound(key);
    ASSERT_EQ(tree.lower_bound(key), lower == model.end() ? nullptr : lower->second);
    const auto upper = model.upper_bound(key);
    ASSERT_EQ(tree.floor(key), upper == model.begin() ? nullptr : std::prev(upper)->second);
    ASSERT_EQ(tree.find(key) != nullptr, model.contains(key));
    if (step % 500) continue;
    check_summary(tree.root());
    auto expected = model.begin();
    for (Item& one : tree) ASSERT_EQ(&one, (expected++)->second);
  }
}

TEST(Tree, ClearVisitsEveryItemOnceAndMayDestroyIt) {
  std::mt19937 random(4);
  Items tree;
  for (int i = 0; i < 500; ++i) {
    auto* item = new Item;
    item->key = static_cast<int>(random() % 1000);
    tree.insert(*item);
  }
  int cleared = 0;
  tree.clear([&](Item& item) {
    EXPECT_FALSE(item.node.linked());
    ++cleared;
    delete &item;
  });
  EXPECT_EQ(cleared, 500);
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.size(), 0u);
}

int depth(const Item* at) {
  if (!at) return 0;
  return 1 + std::max(depth(Items::child(*at, Items::Side::left)), depth(Items::child(*at, Items::Side::right)));
}

TEST(Tree, StaysShallow) {
  std::vector<Item> items(20000);
  Items tree;
  for (int i = 0; i < 20000; ++i) {
    items[i].key = i;
    tree.insert(items[i]);
  }
  EXPECT_LT(depth(tree.root()), 60);
}

// The keys are such that, of the numbers that a generator gives that begins as everybody can read, a greater one always lies to
// the left of a smaller one: a chain, if those were the priorities.
TEST(Tree, StaysShallowWhateverTheKeysAre) {
  constexpr int count = 5000;
  for (const std::uint32_t start : {2463534242u, 2463534242u | 1, 1u}) {
    std::vector<std::uint32_t> foreseen(count);
    for (std::uint32_t state = start; std::uint32_t& number : foreseen) number = next_random(state);
    std::vector<Item> items(count);
    for (int i = 0; i < count; ++i)
      items[i].key = static_cast<int>(std::ranges::count_if(foreseen, [&](std::uint32_t other) { return other > foreseen[i]; }));
    Items tree;
    for (Item& item : items) tree.insert(item);
    EXPECT_LT(depth(tree.root()), 60);
  }
}

}  // namespace
}  // namespace cv6
