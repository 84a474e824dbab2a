// What the processes of one user in one container use up together: the base of RLIMIT_NPROC and RLIMIT_SIGPENDING.
// Accounts exist while somebody refers to them; who makes one pays for it.
#pragma once

#include <atomic>

#include "lib/hash_table.hpp"
#include "lib/ref.hpp"
#include "mm/payer.hpp"

namespace cv6 {

class Container;

class UserAccount : public Counted<UserAccount>, public Charged<UserAccount, "user_account"> {
 public:
  // The account of that user there. Error::nomem.
  static Result<Ref<UserAccount>> find_or_create(const Container& container, std::uint32_t user);
  ~UserAccount() = default;

  std::atomic<std::uint64_t> tasks{0};            // processes and threads
  std::atomic<std::uint64_t> queued_signals{0};   // and timers, each of which has one

  struct Key {
    const Container* container;  // only compared
    std::uint32_t user;
    bool operator==(const Key&) const = default;
  };
  const Key& key() const { return key_; }
  void last_reference_gone();
  explicit UserAccount(Key key) : key_(key) {}

 private:
  Key key_;

 public:
  HashNode node;  // in the table of all accounts
};

}  // namespace cv6
