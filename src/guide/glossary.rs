//! # glossary
