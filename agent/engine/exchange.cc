#include "agent/engine/exchange.h"

namespace broadside {
namespace {

void DeleteChain(Exchange* exchange) {
  while (exchange != nullptr) {
    Exchange* next = exchange->next;
    delete exchange;
    exchange = next;
  }
}

}  // namespace

ExchangeList::~ExchangeList() {
  DeleteChain(front_);
  DeleteChain(free_);
}

Exchange* ExchangeList::Append() {
  Exchange* exchange = free_;
  if (exchange == nullptr) {
    exchange = new Exchange;
  } else {
    free_ = exchange->next;
    *exchange = Exchange{};
  }
  exchange->previous = back_;
  (back_ == nullptr ? front_ : back_->next) = exchange;
  back_ = exchange;
  ++size_;
  return exchange;
}

void ExchangeList::Remove(Exchange* exchange) {
  (exchange->previous == nullptr ? front_ : exchange->previous->next) = exchange->next;
  (exchange->next == nullptr ? back_ : exchange->next->previous) = exchange->previous;
  exchange->next = free_;
  free_ = exchange;
  --size_;
}

}  // namespace broadside
