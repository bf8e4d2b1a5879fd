# What is built more than once: plain, and under each sanitizer (cmake/sanitized).

# The engine's library: the same sources, warnings and rules of arithmetic everywhere.
function(tenure_add_engine target)
  set(sources ${TENURE_CORE_SOURCES})
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/cpp/include)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    $<$<BOOL:${TENURE_WERROR}>:-Werror>
    # Neither changes a result: errno is never read, traps are never enabled.
    -fno-math-errno -fno-trapping-math
    # Fused or not would depend on the machine that a clone is picked for.
    -ffp-contract=off)
  target_link_libraries(${target} PUBLIC Threads::Threads PRIVATE Eigen3::Eigen ${CMAKE_DL_LIBS})
endfunction()

# The C++ tests with this engine. Its objects come first: of an inline function that both hold, the
# linker takes the engine's copy, which may be instrumented.
function(tenure_add_tests target engine)
  set(sources ${TENURE_EIGEN_TESTS})
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
  add_executable(${target} $<TARGET_OBJECTS:${engine}> $<TARGET_OBJECTS:tenure_test_objects> ${sources})
  target_link_libraries(${target} PRIVATE ${engine} GTest::gtest_main Eigen3::Eigen)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX
                        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

# The Python extension `_core` with this engine; in a directory of its own unless told otherwise.
function(tenure_add_extension target engine)
  pybind11_add_module(${target} MODULE NO_EXTRAS $<TARGET_OBJECTS:${engine}> $<TARGET_OBJECTS:tenure_bindings>)
  target_link_libraries(${target} PRIVATE ${engine})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME _core LINKER_LANGUAGE CXX
                        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${target})
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND engine STREQUAL "tenure_core")
    pybind11_strip(${target})
  endif()
endfunction()
