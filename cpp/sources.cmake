# Every source by name, one list a target: a file that is not here is not built.
set(TENURE_CORE_SOURCES
  cpp/src/special/beta.cpp
  cpp/src/special/gamma.cpp
  cpp/src/special/hypergeometric.cpp
  cpp/src/support/calendar.cpp
  cpp/src/support/errors.cpp
  cpp/src/survival/kaplan_meier.cpp
)
set(TENURE_BINDING_SOURCES
  cpp/bindings/module.cpp
  cpp/bindings/bind_survival.cpp
)
set(TENURE_TEST_SOURCES
  tests/cpp/support/calendar_test.cpp
  tests/cpp/support/parallel_test.cpp
  tests/cpp/survival/kaplan_meier_test.cpp
)
