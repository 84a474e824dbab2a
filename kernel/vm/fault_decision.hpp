// What to do about a page fault: a pure function of what was accessed, what the mapping says and what the page table
// says.
#pragma once

#include <cstdint>

#include "arch/upcalls.hpp"
#include "vm/mapping.hpp"

namespace cv6 {

struct FaultSituation {
  enum class Backing : std::uint8_t { anonymous, private_object, shared_object };
  enum class Entry : std::uint8_t { empty, read_only, writable };
  enum class Page : std::uint8_t {
    none,       // the entry is empty
    zero,       // the page of zeros that everybody maps
    exclusive,  // a private copy that nobody else uses
    shared,     // a private copy that another address space uses too, or a page of the object
  };
  arch::Fault::Access access;
  Protection protection;
  Backing backing = Backing::anonymous;
  Entry entry = Entry::empty;
  Page page = Page::none;
};

enum class FaultAction : std::uint8_t {
  refuse,               // the mapping does not allow the access
  nothing,              // the entry allows it already: the processor's translation was old
  map_zero,             // map the page of zeros, read-only
  map_fresh,            // a new page of zeros, writable
  map_object,           // the object's page, read-only
  map_object_writable,  // the object's page, to write to it
  copy_object,          // a copy of the object's page, writable
  copy_page,            // a copy of the page that is mapped, writable
  allow_writing,        // the page that is mapped is nobody else's
};

constexpr FaultAction decide(const FaultSituation& now) {
  using Access = arch::Fault::Access;
  using Backing = FaultSituation::Backing;
  using Entry = FaultSituation::Entry;
  using Page = FaultSituation::Page;
  if (!now.protection.allows(now.access)) return FaultAction::refuse;
  const bool write = now.access == Access::write;
  if (now.entry == Entry::empty) {
    switch (now.backing) {
      case Backing::anonymous:
        return write ? FaultAction::map_fresh : FaultAction::map_zero;
      case Backing::private_object:
        return write ? FaultAction::copy_object : FaultAction::map_object;
      case Backing::shared_object:
        return write ? FaultAction::map_object_writable : FaultAction::map_object;
    }
  }
  if (!write || now.entry == Entry::writable) return FaultAction::nothing;
  if (now.backing == Backing::shared_object) return FaultAction::map_object_writable;
  switch (now.page) {
    case Page::exclusive:
      return FaultAction::allow_writing;
    case Page::zero:
      return FaultAction::map_fresh;
    default:
      return FaultAction::copy_page;
  }
}

}  // namespace cv6
