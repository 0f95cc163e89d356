mod flow;
mod words;
