# One interface target carries the sanitizer flags to the engine and the tests. The extension's bindings
# convert and forward: instrumented, their templates would take longer to compile than all the rest.
add_library(tenure_sanitizers INTERFACE)
if(TENURE_SANITIZE STREQUAL "address")
  # g++'s `undefined` alone misses casts from float to int and divisions by zero.
  set(flags -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=undefined
            -fno-omit-frame-pointer)
elseif(TENURE_SANITIZE STREQUAL "thread")
  set(flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(TENURE_SANITIZE)
  message(FATAL_ERROR "TENURE_SANITIZE is '${TENURE_SANITIZE}'; expected address, thread or empty")
endif()
if(flags)
  target_compile_options(tenure_sanitizers INTERFACE ${flags} -O1 -g1)
  target_link_options(tenure_sanitizers INTERFACE ${flags})
endif()
