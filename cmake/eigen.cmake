# Eigen from the system where there is one, else from the PyPI package cmeel-eigen that the build
# requires: its prefix lies inside site-packages, where CMake does not look by itself.
find_package(Eigen3 3.4 CONFIG QUIET)
if(NOT Eigen3_FOUND)
  if(NOT Python_EXECUTABLE)
    find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
  endif()
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c
      "import importlib.metadata as m; print(m.distribution('cmeel-eigen').locate_file('cmeel.prefix'))"
    OUTPUT_VARIABLE cmeel_prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  if(failed)
    message(FATAL_ERROR "Eigen 3.4 not found: install libeigen3-dev or `pip install cmeel-eigen`")
  endif()
  find_package(Eigen3 3.4 CONFIG REQUIRED
               PATHS ${cmeel_prefix}/share/eigen3/cmake NO_DEFAULT_PATH)
endif()
