//! Shapes of what the specs describe.

use super::Shape;
use crate::spec::{
    Operation,
    operation::{FieldType, Param, ParamType, Spelling},
};

/// Shape of a parameter on the wire.
pub fn param(param: &Param) -> Shape {
    let list = |inner| Shape::List(Box::new(inner));
    match (param.kind, param.spelling) {
        (ParamType::Text, _) => Shape::Text,
        (ParamType::Integer, _) => Shape::Integer,
        (ParamType::Boolean, _) => Shape::Boolean,
        (ParamType::Texts, Spelling::Native) => list(Shape::Text),
        (ParamType::Texts, Spelling::Json) => Shape::JsonText(Box::new(list(Shape::Text))),
        (ParamType::Texts, Spelling::Comma) => Shape::CommaText(Box::new(Shape::Text)),
        (ParamType::Objects, spelling) => {
            let members = param.members.iter().map(|member| (member.name.clone(), self::param(member))).collect();
            let objects = list(Shape::Object(members));
            if spelling == Spelling::Json { Shape::JsonText(Box::new(objects)) } else { objects }
        }
    }
}

/// Shape of a successful answer, for formats that have no types of their own.
pub fn answer(operation: &Operation) -> Shape {
    let fields = operation.fields.iter().filter(|field| !field.name.contains('.'));
    Shape::Object(
        fields
            .map(|field| {
                let shape = match field.kind {
                    FieldType::Integer => Shape::Integer,
                    FieldType::Boolean => Shape::Boolean,
                    _ => Shape::Text,
                };
                (field.name.clone(), shape)
            })
            .collect(),
    )
}
