//! A sysadmin's first day: a new folder, backups, what is wrong with the set-up, pages for `man`.

mod alerts;
mod doctor;
mod init;
mod restore;
mod shell;
