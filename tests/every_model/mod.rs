//! The list of the models, where tests are made of it.

/// Hands the names of all models to a macro, behind what it is given beside them.
macro_rules! on_every_model {
    ($tests:ident $($beside:tt)*) => {
        $tests! { $($beside)* blocking epoll uring pool }
    };
}
