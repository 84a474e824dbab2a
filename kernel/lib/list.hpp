// A doubly linked list through nodes inside its elements: no allocation, O(1) insert and remove from anywhere.
//
//   struct Thread { ListNode queue_node; };
//   List<Thread, &Thread::queue_node> ready;
//
// The list does not own its elements. An element is in at most one list per node; `linked()` tells. Removing an element
// that is in no list is allowed and does nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "lib/container_of.hpp"

namespace cv6 {

class ListNode {
 public:
  constexpr ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, ListNode T::* node>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

template <class T, ListNode T::* node>
class List {
 public:
  constexpr List() { head_.next_ = head_.previous_ = &head_; }
  ~List() {
    while (!empty()) head_.next_->unlink();
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() const { return empty() ? nullptr : element(head_.next_); }
  T* back() const { return empty() ? nullptr : element(head_.previous_); }
  void push_back(T& item) { insert_before(head_, item.*node); }
  void push_front(T& item) { insert_before(*head_.next_, item.*node); }
  void insert_before(T& position, T& item) { insert_before(position.*node, item.*node); }
  static void remove(T& item) { (item.*node).unlink(); }
  T* pop_front() {
    T* first = front();
    if (first) remove(*first);
    return first;
  }
  T* next(T& item) const { return (item.*node).next_ == &head_ ? nullptr : element((item.*node).next_); }
  T* previous(T& item) const { return (item.*node).previous_ == &head_ ? nullptr : element((item.*node).previous_); }
  // All elements of `other` to the end of this list, in order.
  void append(List& other) {
    while (T* item = other.pop_front()) push_back(*item);
  }

  // Forward iteration; the element just visited may be removed inside the loop.
  class iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = T;
    iterator() = default;
    iterator(ListNode* at) : at_(at), next_(at->next_) {}
    T& operator*() const { return *element(at_); }
    iterator& operator++() {
      at_ = next_;
      next_ = at_->next_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const iterator& other) const { return at_ == other.at_; }

   private:
    ListNode* at_ = nullptr;
    ListNode* next_ = nullptr;
  };
  iterator begin() const { return iterator(head_.next_); }
  iterator end() const { return iterator(const_cast<ListNode*>(&head_)); }

 private:
  static void insert_before(ListNode& position, ListNode& item) {
    item.next_ = &position;
    item.previous_ = position.previous_;
    position.previous_->next_ = &item;
    position.previous_ = &item;
  }
  static T* element(const ListNode* item) { return ContainerOf<node>::of(item); }

  ListNode head_;
};

}  // namespace cv6
