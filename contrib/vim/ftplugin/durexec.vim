" SPDX-License-Identifier: ISC

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

" Comments begin in column 0; a value's further lines are indented.
setlocal commentstring=;%s
setlocal comments=:;,:#
setlocal formatoptions-=t
setlocal formatoptions+=croql
setlocal autoindent

" Errors of "durexec --dry-run" as a quickfix list: :make
setlocal makeprg=durexec\ --dry-run\ %:S
setlocal errorformat=%f:%l:\ %m,%-G%.%#

let b:undo_ftplugin = 'setlocal commentstring< comments< formatoptions<'
      \ . ' autoindent< makeprg< errorformat<'
