//! The type of a value on the wire, as far as spelling and reading it needs.

/// Shape of a parameter or response field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Text,
    Integer,
    Boolean,
    List(Box<Shape>),
    /// Members in order.
    Object(Vec<(String, Shape)>),
    /// One text parameter that holds a JSON document of the inner shape.
    JsonText(Box<Shape>),
    /// One text parameter that holds the elements joined by commas.
    CommaText(Box<Shape>),
}
