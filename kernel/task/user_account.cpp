#include "task/user_account.hpp"

#include "sync/spin_lock.hpp"

namespace cv6 {

namespace {

struct Traits {
  static const UserAccount::Key& key(const UserAccount& account) { return account.key(); }
  static std::uint64_t hash(const UserAccount::Key& key) {
    return mix(reinterpret_cast<std::uintptr_t>(key.container) ^ key.user);
  }
  static bool equal(const UserAccount& account, const UserAccount::Key& key) { return account.key() == key; }
};
using Table = HashTable<UserAccount, &UserAccount::node, Traits>;
constinit Guarded<Table, Rank::signals> accounts;

}  // namespace

Result<Ref<UserAccount>> UserAccount::find_or_create(const Container& container, std::uint32_t user) {
  const Key key{&container, user};
  const auto find = [&](Table& table) {
    UserAccount* const found = table.find(key);
    return found && found->hold_unless_gone() ? Ref<UserAccount>::adopt(found) : nullptr;
  };
  if (Ref<UserAccount> found = accounts.with(find)) return found;
  Ref<UserAccount> fresh = TRY(make<UserAccount>(key));
  const payer::Scope nobody(nullptr);  // the table is everybody's
  auto table = accounts.lock();
  // Made by somebody else meanwhile: `fresh` goes without having been in the table.
  if (Ref<UserAccount> found = find(*table)) return found;
  table->insert(*fresh);
  return fresh;
}

void UserAccount::last_reference_gone() {
  {
    const payer::Scope nobody(nullptr);
    auto table = accounts.lock();
    table->remove(*this);
    table->shrink();
  }
  delete this;
}

}  // namespace cv6
