mod flow;
mod pages;
mod support;
mod words;
