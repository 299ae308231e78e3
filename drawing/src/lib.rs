//! The pictures of iolab: timelines, state diagrams and plots, as SVG for light and dark. The same data give the same octets.
