//! What comes with the product, as its readers get it: put before a spam filter, a validator of HTML and
//! a browser. Mails are found under `templates/`, so that a new one is judged without a word here.

mod browser;
mod chromium;
mod mails;
mod pages;
mod programmes;
mod spam;
mod validator;
