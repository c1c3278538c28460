# interactive: whether lines can be edited, by the readline that comes with bash; without it there is
# no completion either, nor its builtins `compgen`, `complete` and `bind`.
{
  lib,
  stdenv,
  buildPackages,
  sources,
  interactive ? true,
}:

stdenv.mkDerivation {
  inherit (sources.bash) pname version src;
  nativeBuildInputs = [ buildPackages.gnumake ];
  depsBuildBuild = [ buildPackages.stdenv.cc ];

  # In a cross build bash would make its table of signals when it starts; the build machine's table is
  # right too, as signals have the same numbers on all platforms of this set.
  ${if stdenv.hostPlatform.system != stdenv.buildPlatform.system then "postPatch" else null} = ''
    sed -i -e "s/SIGNAMES_O='signames.o'/SIGNAMES_O=/" -e "s/CROSS_COMPILE='-DCROSS_COMPILING'/CROSS_COMPILE=/" \
      configure
  '';
  configureFlags = [
    "--without-bash-malloc"
    "--disable-nls"
    (if interactive then "--enable-readline" else "--disable-readline")
    # Only the name of the debugger's start is made of it: its own store path has no place in bash.
    "--datarootdir=/usr/share"
    # What configure finds out by running a program, and can't in a cross build.
    "bash_cv_job_control_missing=present"
    "bash_cv_sys_named_pipes=present"
    "bash_cv_func_sigsetjmp=present"
    "bash_cv_printf_a_format=yes"
    "bash_cv_getcwd_malloc=yes"
    "bash_cv_unusable_rtsigs=no"
    "bash_cv_wcwidth_broken=no"
    "bash_cv_func_strcoll_broken=no"
    "bash_cv_must_reinstall_sighandlers=no"
    "bash_cv_func_ctype_nonascii=yes"
    "bash_cv_dup2_broken=no"
    "bash_cv_pgrp_pipe=no"
    "bash_cv_opendir_not_robust=no"
    "bash_cv_ulimit_maxfds=yes"
    "bash_cv_getenv_redef=yes"
    "bash_cv_type_rlimit=rlim_t"
    "bash_cv_dev_fd=standard"
    "bash_cv_dev_stdin=present"
    "ac_cv_func_strtoimax=yes"
  ]
  ++ lib.optional interactive "ac_cv_rl_version=8.2"
  # The same, where configure finds the right answer by itself when it can run a program.
  ++ lib.optionals (stdenv.hostPlatform.system != stdenv.buildPlatform.system) [
    "ac_cv_func_chown_works=yes"
    "ac_cv_func_strcoll_works=yes"
    "ac_cv_func_working_mktime=yes"
    "bash_cv_func_sbrk=no"
    "bash_cv_func_snprintf=yes"
    "bash_cv_func_vsnprintf=yes"
    "bash_cv_wexitstatus_offset=8"
    "gl_cv_have_weak=no"
    "gl_cv_header_working_fcntl_h=yes"
    "gl_cv_pthread_rwlock_rdlock_prefer_writer=no"
  ];
  CFLAGS = "-O2";
  # Old code, compiled as the C that it was written in.
  env.NIX_CFLAGS_COMPILE = "-std=gnu17 -Wno-deprecated-non-prototype -Wno-implicit-function-declaration";
  makeFlags = [ "bash" ];

  installPhase = ''
    runHook preInstall
    installFile 0755 bash "$out/bin/bash"
    ln -s bash "$out/bin/sh"
    runHook postInstall
  '';

  passthru.shellPath = "/bin/bash";
  meta = lib.packageMeta sources.bash {
    description = "GNU's shell" + lib.optionalString (!interactive) ", for scripts alone";
    homepage = "https://www.gnu.org/software/bash/";
    cpe.vendor = "gnu";
    mainProgram = "bash";
  };
}
